/* reflection: what the server offers, for tools such as grpcurl: grpc.reflection.v1 and v1alpha, which are
 * the same bytes under two names. Owns an index of the wire contract's descriptors (patron/descriptors.h),
 * made once and immutable. Threads: any. Failure: reflection_new, PATRON_CORRUPT, if the built-in descriptors
 * cannot be read. */
#ifndef PATRON_METHODS_REFLECTION_H
#define PATRON_METHODS_REFLECTION_H

#include "store/base/error.h"

struct reflection;

enum patron_code reflection_new(struct reflection **reflection, struct error *error) MUST_CHECK;
void reflection_free(struct reflection *reflection); /* null is fine */

#endif
