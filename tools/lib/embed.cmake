# SPDX-License-Identifier: MIT
#
# cmake -D TEXT=FILE -D SYMBOL=NAME -D OUTPUT=FILE -P embed.cmake: C source that defines NAME as the bytes of a text
# and a zero behind them.
file(READ ${TEXT} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "extern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {\n${bytes}0};\n")
