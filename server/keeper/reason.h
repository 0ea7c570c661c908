// reason: why an incarnation ended, as an encoded Value.
//
// "normal", "shutdown" and ["shutdown", x] are orderly; anything else is a crash or an exit that
// somebody has to answer for. User code may give any Value as its reason.
// Source: OTP Design Principles, "Supervisor Behaviour".
#pragma once

#include "base/buf.h"

#include <stdbool.h>

// Each is a string Value of static storage.   Thread: any.
struct slice reason_normal(void);
struct slice reason_shutdown(void);
struct slice reason_killed(void);
struct slice reason_noproc(void);
struct slice reason_noconnection(void);
struct slice reason_too_large(void); // instead of one that is too large to be kept
struct slice reason_no_memory(void);
struct slice reason_overloaded(void); // of a tie that the limits did not allow
// instead of one that is no Value, or nests too deep to be passed on
struct slice reason_malformed(void);

#define REASON_TEXT_BYTES 128

// A short string Value, in `room` of REASON_TEXT_BYTES: the reason of a crash that no code gave a
// reason for. Longer texts are cut.   Thread: any.
struct slice reason_text(uint8_t room[], const char *text);

// normal, shutdown or ["shutdown", x].   Thread: any.
bool reason_orderly(struct slice reason);
