# Writes the bytes of INPUT as C: FOLDER/descriptors.h and FOLDER/descriptors.c.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR length "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],){20})" "\\1\n    " bytes "${bytes}")
file(WRITE ${FOLDER}/descriptors.h
"/* descriptors: the wire contract as data: a serialized google.protobuf.FileDescriptorSet of every file that the server
 * offers and all they import. Constant; any thread. Nothing fails. */
#ifndef PATRON_DESCRIPTORS_H
#define PATRON_DESCRIPTORS_H

#include \"store/base/bytes.h\"

extern const struct bytes patron_descriptors;

#endif
")
file(WRITE ${FOLDER}/descriptors.c
"#include \"patron/descriptors.h\"

static const uint8_t data[] = {
    ${bytes}
};

const struct bytes patron_descriptors = {data, ${length}};
")
