// ties: monitors and links as a callback asks for them.
//
// A reference is made here, before the keeper knows of it, because the callback wants it at once:
// the number of the turn, which is unique on the server and for ever, and a count within the turn.
#pragma once

#include "host/context.h"

#define TIES_REF_BITS 16
#define TIES_REFS_MAX ((1u << TIES_REF_BITS) - 1) // in one turn with all its continues
