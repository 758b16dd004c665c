// Calls that fail, syncs that take long, and a wall clock that is wrong, as the harness wishes while the process runs (faults.h). Preloaded (LD_PRELOAD) into the broker together with writes.c,
// which knows the files of the store.
//
//   FASTCHAT_FAULTS    the file of the page; without it nothing is done
//
// Why not strace: it counts calls of a thread and not of a file, cannot change its mind while the process runs, and each call that it looks at stops the thread twice.

#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct fault_page s_nothing;
static struct fault_page *s_page = &s_nothing;

static void *libc_dlsym(void *handle, const char *name)
{
    static void *(*real)(void *, const char *);
    static const char *const versions[] = { "GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5" };
    for (size_t i = 0; !real && i < sizeof versions / sizeof *versions; i++) real = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    if (!real) abort();
    return real(handle, name);
}

void *real_symbol(const char *name) { return libc_dlsym(RTLD_NEXT, name); }

// The broker asks the C library itself for its sync functions (P/Invoke), past every preloaded one: so whoever asks for them by name gets ours.
void *dlsym(void *handle, const char *name)
{
    return strcmp(name, "fdatasync") == 0 ? (void *)fdatasync : strcmp(name, "fsync") == 0 ? (void *)fsync : libc_dlsym(handle, name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FASTCHAT_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof *s_page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) abort();
    s_page = page;
    close(fd);
}

int fault_armed(enum fault_call call)
{
    return __atomic_load_n(&s_page->fail_call, __ATOMIC_ACQUIRE) == (uint32_t)call && __atomic_load_n(&s_page->fail_times, __ATOMIC_RELAXED) > 0;
}

int fault_hits(enum fault_call call, const char *path)
{
    if (!fault_armed(call) || (path && !strstr(path, s_page->fail_in))) return 0;
    if (__atomic_fetch_sub(&s_page->fail_skip, 1, __ATOMIC_RELAXED) > 0) return 0;
    if (__atomic_fetch_sub(&s_page->fail_times, 1, __ATOMIC_RELAXED) <= 0) return 0;
    __atomic_add_fetch(&s_page->failed, 1, __ATOMIC_RELAXED);
    errno = EIO;
    return 1;
}

int fault_hidden(void) { return __atomic_load_n(&s_page->fail_hidden, __ATOMIC_RELAXED) != 0; }

void fault_delay(void)
{
    uint64_t number = __atomic_add_fetch(&s_page->syncs, 1, __ATOMIC_RELAXED);
    uint32_t min = __atomic_load_n(&s_page->delay_min_us, __ATOMIC_RELAXED), max = __atomic_load_n(&s_page->delay_max_us, __ATOMIC_RELAXED);
    if (max == 0) return;

    // Any spread will do; this one needs no state.
    uint32_t delay = min + (uint32_t)((number * 2654435761u) >> 7) % (max - min + 1);
    usleep(delay);
    __atomic_add_fetch(&s_page->slow_us, delay, __ATOMIC_RELAXED);
}

int msync(void *address, size_t size, int flags)
{
    REAL(msync);
    if (fault_hits(CALL_MSYNC, NULL)) return -1;
    return real(address, size, flags);
}

static int64_t wrong(int64_t now_ns)
{
    __atomic_add_fetch(&s_page->clock_reads, 1, __ATOMIC_RELAXED);
    int64_t frozen = __atomic_load_n(&s_page->clock_frozen_ns, __ATOMIC_RELAXED);
    return frozen ? frozen : now_ns + __atomic_load_n(&s_page->clock_offset_ns, __ATOMIC_RELAXED);
}

// The wall clock only: the monotonic one cannot jump, and timeouts must not notice that this one does.
int clock_gettime(clockid_t clock, struct timespec *time)
{
    REAL(clock_gettime);
    int done = real(clock, time);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    {
        int64_t now = wrong(time->tv_sec * 1000000000LL + time->tv_nsec);
        time->tv_sec = now / 1000000000LL;
        time->tv_nsec = now % 1000000000LL;
    }

    return done;
}

int gettimeofday(struct timeval *time, void *zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *target)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (target) *target = now.tv_sec;
    return now.tv_sec;
}
