// A descriptor of an ABI that does not exist yet.
#include <peeper/behaviour.h>

const struct peeper_behaviour peeper_behaviour = {
    .abi_version = PEEPER_ABI_VERSION + 1,
    .state_bytes = 1,
    .name = "wrong_abi",
};
