/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/pack.h"

#include <string.h>

#include "server/core/require.h"
#include "tools/sigmactl/socket.h"

bool pack_flush(struct pack *pack)
{
    if (pack->length == 0) {
        return true;
    }
    size_t length = pack->length;
    if (pack->stream) {
        pack->bytes[length++] = '\n';
    }
    pack->length = 0;
    return socket_send(pack->descriptor, pack->bytes, length, &pack->refused);
}

bool pack_add(struct pack *pack, const char *line, size_t length)
{
    REQUIRE(length <= pack->bytes_max && pack->bytes_max <= PACK_BYTES_MAX);
    bool fits = pack->length == 0 || pack->length + 1 + length <= pack->bytes_max;
    if (!fits && !pack_flush(pack)) {
        return false;
    }
    if (pack->length > 0) {
        pack->bytes[pack->length++] = '\n';
    }
    memcpy(pack->bytes + pack->length, line, length);
    pack->length += length;
    return true;
}
