// What the harness asks of the library while the broker runs: a page that both have mapped (FaultPage.cs mirrors it).

#ifndef FASTCHAT_FAULTS_H
#define FASTCHAT_FAULTS_H

#include <dlfcn.h>
#include <stdint.h>

enum fault_call { CALL_NONE, CALL_SYNC, CALL_WRITE, CALL_READ, CALL_RENAME, CALL_OPEN, CALL_MSYNC };

struct fault_page
{
    uint32_t delay_min_us, delay_max_us; // before each sync of a file of the store
    uint32_t fail_call;                  // which call fails with EIO
    int32_t fail_skip, fail_times;       // how many of them pass first, and how many fail then
    uint32_t fail_hidden;                // not 0: a sync that fails says that it did not
    char fail_in[64];                    // a part of the path
    int64_t clock_offset_ns;             // what the wall clock says beside the truth
    int64_t clock_frozen_ns;             // not 0: all that it says
    uint64_t syncs, slow_us, failed, clock_reads;
};

// The C library's own function, also where ours has its name.
void *real_symbol(const char *name);

// True when this call is to fail; errno is set.
int fault_hits(enum fault_call call, const char *path);

// Whether a call of this kind may fail at all: a look before the path is asked for.
int fault_armed(enum fault_call call);

// Whether the caller of one that fails is to believe that it did not.
int fault_hidden(void);

// A sync begins.
void fault_delay(void);

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))real_symbol(#name)

#endif
