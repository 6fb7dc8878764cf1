/* SPDX-License-Identifier: MIT */
#include "src/bench/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum err files_make_folder(const char *path)
{
    char part[1024];
    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return ERR_SYSTEM;
            }
            *at = '/';
        }
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
}

#define DEPTH_MAX 16

static void remove_in(int folder, const char *name, unsigned depth)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *all = fd < 0 || depth == DEPTH_MAX ? NULL : fdopendir(fd);
    if (all == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(fd, entry->d_name, 0) != 0) {
            remove_in(fd, entry->d_name, depth + 1);
        }
    }
    closedir(all);
    (void)unlinkat(folder, name, AT_REMOVEDIR);
}

void files_remove_folder(const char *path)
{
    remove_in(AT_FDCWD, path, 0);
}

enum err files_write(const char *path, slice bytes)
{
    char fresh[1100];
    snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getpid());
    FILE *file = fopen(fresh, "we");
    if (file == NULL) {
        return ERR_SYSTEM;
    }
    bool ok = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    ok = fclose(file) == 0 && ok;
    if (!ok || rename(fresh, path) != 0) {
        unlink(fresh);
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err files_read(slice *bytes, const char *path, struct arena *arena)
{
    struct stat about;
    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &about) != 0) {
        if (file != NULL) {
            fclose(file);
        }
        return ERR_NOT_FOUND;
    }
    char *data = arena_alloc(arena, (size_t)about.st_size + 1);
    size_t size = data == NULL ? 0 : fread(data, 1, (size_t)about.st_size, file);
    fclose(file);
    *bytes = (slice){data, size};
    return data == NULL ? ERR_LIMIT : ERR_OK;
}

enum err files_copy(const char *from, const char *to)
{
    char bytes[1 << 16];
    FILE *in = fopen(from, "re");
    FILE *out = in == NULL ? NULL : fopen(to, "we");
    bool ok = out != NULL;
    for (size_t got = 0; ok && (got = fread(bytes, 1, sizeof bytes, in)) > 0;) {
        ok = fwrite(bytes, 1, got, out) == got;
    }
    if (in != NULL) {
        fclose(in);
    }
    if (out != NULL) {
        ok = fclose(out) == 0 && ok;
    }
    return ok ? ERR_OK : in == NULL ? ERR_NOT_FOUND : ERR_SYSTEM;
}
