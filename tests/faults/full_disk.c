/* While the file $DISK_IS_FULL exists, no regular file with a name grows: pipes, sockets and memory files do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t write(int file, const void *content, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    const char *path = getenv("DISK_IS_FULL");
    struct stat status;
    if (!real)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (path && access(path, F_OK) == 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink > 0) {
        errno = ENOSPC;
        return -1;
    }
    return real(file, content, size);
}
