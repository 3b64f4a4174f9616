# Writes the definitions files FOLDER/NAME.yaml, for each of NAMES (separated by commas), as C: OUTPUT, which defines
# what builtin.h declares.
string(REPLACE "," ";" names "${NAMES}")
set(texts "")
set(files "")
foreach(name ${names})
    file(READ ${FOLDER}/${name}.yaml hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR length "${digits} / 2")
    string(LENGTH "${name}" name_length)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],){20})" "\\1\n    " bytes "${bytes}")
    string(APPEND texts "static const uint8_t ${name}[] = {\n    ${bytes}\n};\n\n")
    string(APPEND files "    {{(const uint8_t *)\"${name}\", ${name_length}}, {${name}, ${length}}},\n")
endforeach()
file(WRITE ${OUTPUT}
"#include \"store/definitions/builtin/builtin.h\"

${texts}const struct builtin_file builtin_files[] = {
${files}};
const size_t builtin_file_count = sizeof builtin_files / sizeof builtin_files[0];
")
