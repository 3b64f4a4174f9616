/* health: grpc.health.v1. One status for the whole server and all its services; watchers are told of changes,
 * the newest status first. Owns the list of watchers. Threads: health_set from any. Nothing fails. */
#ifndef PATRON_METHODS_HEALTH_H
#define PATRON_METHODS_HEALTH_H

#include <stdbool.h>

struct health;

struct health *health_new(void);         /* not serving yet */
void health_free(struct health *health); /* no watcher is left; null is fine */
void health_set(struct health *health, bool serving);
bool health_serving(struct health *health);

#endif
