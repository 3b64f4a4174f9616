# Writes the bytes of INPUT as C into OUTPUT, for proto/descriptors.h.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR length "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],){20})" "\\1\n    " bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"proto/descriptors.h\"

static const uint8_t data[] = {
    ${bytes}
};

const struct bytes proto_descriptors = {data, ${length}};
")
