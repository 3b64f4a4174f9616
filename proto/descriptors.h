/* descriptors: the wire contract as data, a serialized google.protobuf.FileDescriptorSet of every file that the server
 * offers and all they import. Made by the build (embed.cmake); constant; any thread. */
#ifndef PATRON_PROTO_DESCRIPTORS_H
#define PATRON_PROTO_DESCRIPTORS_H

#include "store/base/bytes.h"

extern const struct bytes proto_descriptors;

#endif
