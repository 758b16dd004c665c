// What a process writes into a directory, and what of it is synced, as a log for whoever cuts its power (PowerCut.cs).
//
// Preloaded (LD_PRELOAD) into the broker together with faults.c, which may make a call fail or take long. Before a write happens, the log gets what it replaces and what it brings; after a sync succeeded, that it did. The log goes to a file of its own with one
// write() each, so after kill -9 it is whole but for its last entry, and a write whose entry is torn has not happened. Renames, links and deletions are logged as they are and taken for durable.
//
//   FASTCHAT_WRITES_OF     the directory
//   FASTCHAT_WRITES_LOG    the log; without it no account is kept
//   FASTCHAT_SYNC_LIES     set: syncs succeed and are not logged, as on a disk that lies
//
// Entry: u32 size of the rest, u8 kind, u64 a, u64 b, u32 path size, path, payload. Kinds:
//   W  a = offset, b = size of the file before; payload: u32 length of what is replaced, that, the new bytes
//   T  a = new size, b = old size; payload: what is cut off
//   B  a = number of a sync that begins    E  a = number of the sync that succeeded
//   R  path = old name, payload = new name    L  the same for a link    U  path = name that is gone

#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *s_root;
static size_t s_root_size;
static int s_log = -1;
static int s_lies;
static uint64_t s_sync;
static pthread_mutex_t s_gate = PTHREAD_MUTEX_INITIALIZER;

static ssize_t real_write(int fd, const void *bytes, size_t size) { REAL(write); return real(fd, bytes, size); }
static ssize_t real_pwrite(int fd, const void *bytes, size_t size, off_t offset) { REAL(pwrite64); return real(fd, bytes, size, offset); }

__attribute__((constructor)) static void begin(void)
{
    const char *root = getenv("FASTCHAT_WRITES_OF"), *log = getenv("FASTCHAT_WRITES_LOG");
    s_lies = getenv("FASTCHAT_SYNC_LIES") != NULL;
    if (!root) return;
    if (log) s_log = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    s_root = root;
    s_root_size = strlen(root);
}

static int is_ours(const char *path) { return s_root && path && strncmp(path, s_root, s_root_size) == 0 && path[s_root_size] == '/'; }

static int path_of(int fd, char *path)
{
    if (!s_root || fd == s_log) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return is_ours(path);
}

// The log must not have a hole: whoever cannot write it ends here.
static void add(char kind, uint64_t a, uint64_t b, const char *path, const struct iovec *payload, int parts)
{
    if (s_log < 0) return;
    uint32_t path_size = (uint32_t)strlen(path);
    size_t size = 1 + 8 + 8 + 4 + path_size;
    for (int i = 0; i < parts; i++) size += payload[i].iov_len;
    char *entry = malloc(4 + size), *at = entry;
    if (!entry) abort();
    uint32_t rest = (uint32_t)size;
    memcpy(at, &rest, 4); at += 4;
    *at++ = kind;
    memcpy(at, &a, 8); at += 8;
    memcpy(at, &b, 8); at += 8;
    memcpy(at, &path_size, 4); at += 4;
    memcpy(at, path, path_size); at += path_size;
    for (int i = 0; i < parts; i++) { memcpy(at, payload[i].iov_base, payload[i].iov_len); at += payload[i].iov_len; }
    if (real_write(s_log, entry, 4 + size) != (ssize_t)(4 + size)) abort();
    free(entry);
}

static void add_names(char kind, const char *from, const char *to)
{
    struct iovec name = { (void *)to, strlen(to) };
    add(kind, 0, 0, from, &name, 1);
}

static uint64_t size_of(int fd) { struct stat s; return fstat(fd, &s) == 0 ? (uint64_t)s.st_size : 0; }

static char *read_of(const char *path, off_t offset, size_t wanted, size_t *got)
{
    char *bytes = malloc(wanted ? wanted : 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *got = 0;
    while (fd >= 0 && *got < wanted)
    {
        ssize_t one = pread(fd, bytes + *got, wanted - *got, offset + (off_t)*got);
        if (one <= 0) break;
        *got += (size_t)one;
    }
    if (fd >= 0) close(fd);
    return bytes;
}

static void add_write(int fd, const char *path, const void *bytes, size_t size, off_t offset)
{
    if (s_log < 0) return;
    size_t replaced;
    char *old = read_of(path, offset, size, &replaced);
    uint32_t length = (uint32_t)replaced;
    struct iovec payload[] = { { &length, 4 }, { old, replaced }, { (void *)bytes, size } };
    add('W', (uint64_t)offset, size_of(fd), path, payload, 3);
    free(old);
}

static void add_truncation(const char *path, uint64_t old, uint64_t wanted)
{
    if (s_log < 0) return;
    size_t cut = 0;
    char *bytes = wanted < old ? read_of(path, (off_t)wanted, old - wanted, &cut) : NULL;
    struct iovec payload = { bytes, cut };
    add('T', wanted, old, path, &payload, bytes ? 1 : 0);
    free(bytes);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    char path[PATH_MAX];
    if (!path_of(fd, path)) return real_pwrite(fd, bytes, size, offset);
    if (fault_hits(CALL_WRITE, path)) return -1;
    pthread_mutex_lock(&s_gate);
    add_write(fd, path, bytes, size, offset);
    ssize_t done = real_pwrite(fd, bytes, size, offset);
    pthread_mutex_unlock(&s_gate);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) { return pwrite64(fd, bytes, size, offset); }

ssize_t write(int fd, const void *bytes, size_t size)
{
    char path[PATH_MAX];
    if (!path_of(fd, path)) return real_write(fd, bytes, size);
    if (fault_hits(CALL_WRITE, path)) return -1;
    pthread_mutex_lock(&s_gate);
    off_t at = fcntl(fd, F_GETFL) & O_APPEND ? (off_t)size_of(fd) : lseek(fd, 0, SEEK_CUR);
    add_write(fd, path, bytes, size, at);
    ssize_t done = real_write(fd, bytes, size);
    pthread_mutex_unlock(&s_gate);
    return done;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t all = 0;
    for (int i = 0; i < count; i++)
    {
        ssize_t one = pwrite64(fd, parts[i].iov_base, parts[i].iov_len, offset + all);
        if (one < 0) return all ? all : one;
        all += one;
        if ((size_t)one < parts[i].iov_len) break;
    }
    return all;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return pwritev(fd, parts, count, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    char path[PATH_MAX];
    REAL(writev);
    if (!path_of(fd, path)) return real(fd, parts, count);
    ssize_t all = 0;
    for (int i = 0; i < count; i++)
    {
        ssize_t one = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (one < 0) return all ? all : one;
        all += one;
        if ((size_t)one < parts[i].iov_len) break;
    }
    return all;
}

int ftruncate64(int fd, off64_t size)
{
    char path[PATH_MAX];
    REAL(ftruncate64);
    if (!path_of(fd, path)) return real(fd, size);
    pthread_mutex_lock(&s_gate);
    add_truncation(path, size_of(fd), (uint64_t)size);
    int done = real(fd, size);
    pthread_mutex_unlock(&s_gate);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_with(int (*real)(int), int fd)
{
    char path[PATH_MAX];
    if (!path_of(fd, path)) return real(fd);
    fault_delay();
    uint64_t number = __atomic_add_fetch(&s_sync, 1, __ATOMIC_SEQ_CST);
    if (s_lies) return 0;
    pthread_mutex_lock(&s_gate);
    add('B', number, 0, path, NULL, 0);
    pthread_mutex_unlock(&s_gate);

    // One that fails promises nothing, and what it was to bring to the medium may be dropped: so a kernel does.
    if (fault_hits(CALL_SYNC, path)) return fault_hidden() ? 0 : -1;
    int done = real(fd);
    if (done == 0)
    {
        pthread_mutex_lock(&s_gate);
        add('E', number, 0, path, NULL, 0);
        pthread_mutex_unlock(&s_gate);
    }
    return done;
}

int fsync(int fd) { REAL(fsync); return sync_with(real, fd); }
int fdatasync(int fd) { REAL(fdatasync); return sync_with(real, fd); }

static void before_open(const char *path, int flags)
{
    struct stat s;
    if ((flags & O_TRUNC) && is_ours(path) && stat(path, &s) == 0 && s.st_size > 0) add_truncation(path, (uint64_t)s.st_size, 0);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if (is_ours(path) && fault_hits(CALL_OPEN, path)) return -1; \
        before_open(path, flags); \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (is_ours(from) && fault_hits(CALL_RENAME, to)) return -1;
    pthread_mutex_lock(&s_gate);
    int done = real(from, to);
    if (done == 0 && is_ours(from)) add_names('R', from, to);
    pthread_mutex_unlock(&s_gate);
    return done;
}

int link(const char *from, const char *to)
{
    REAL(link);
    pthread_mutex_lock(&s_gate);
    int done = real(from, to);
    if (done == 0 && is_ours(from)) add_names('L', from, to);
    pthread_mutex_unlock(&s_gate);
    return done;
}

int unlink(const char *path)
{
    REAL(unlink);
    pthread_mutex_lock(&s_gate);
    int done = real(path);
    if (done == 0 && is_ours(path)) add('U', 0, 0, path, NULL, 0);
    pthread_mutex_unlock(&s_gate);
    return done;
}

// Reads are looked at only while some of them are to fail: most are of sockets.
#define READ(name, rest, ...) \
    ssize_t name(int fd, void *bytes, size_t size rest) \
    { \
        REAL(name); \
        char path[PATH_MAX]; \
        if (fault_armed(CALL_READ) && path_of(fd, path) && fault_hits(CALL_READ, path)) return -1; \
        return real(fd, bytes, size __VA_ARGS__); \
    }
#define COMMA ,
READ(read, )
READ(pread, COMMA off_t offset, COMMA offset)
READ(pread64, COMMA off64_t offset, COMMA offset)
