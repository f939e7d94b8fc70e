/* Stands in for the driver's library libnvidia-ml.so.1: the functions that are called, for devices that a file describes.

   The environment's STAND_IN_GPUS names the file, read anew by each call; without it there is no driver. A line is a device:
   uuid|name|minor|total MiB|used MiB|degrees|milliwatts|limit in milliwatts|MHz|most MHz|throttle bits|lost|MIG|compute mode|pids
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NO_DRIVER = 9, LOST = 15 };
enum { MOST_DEVICES = 8, MOST_PIDS = 16 };
typedef struct {
    char uuid[80], name[96];
    unsigned minor, total, used, degrees, power, limit, clock, most_clock, lost, mig, mode, pid_count, pids[MOST_PIDS];
    unsigned long long throttle;
} Device;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } Process;

static char handles[MOST_DEVICES];

static int read_devices(Device *devices) {
    const char *path = getenv("STAND_IN_GPUS");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[1024], pids[256];
    int count = 0;
    if (!file) return -1;
    while (count < MOST_DEVICES && fgets(line, sizeof line, file)) {
        Device *d = &devices[count];
        memset(d, 0, sizeof *d);
        pids[0] = 0;
        if (sscanf(line, "%79[^|]|%95[^|]|%u|%u|%u|%u|%u|%u|%u|%u|%llu|%u|%u|%u|%255[0-9,]", d->uuid, d->name, &d->minor, &d->total,
                   &d->used, &d->degrees, &d->power, &d->limit, &d->clock, &d->most_clock, &d->throttle, &d->lost, &d->mig,
                   &d->mode, pids) < 14)
            continue;
        for (char *pid = strtok(pids, ","); pid && d->pid_count < MOST_PIDS; pid = strtok(NULL, ","))
            d->pids[d->pid_count++] = (unsigned)atoi(pid);
        count++;
    }
    fclose(file);
    return count;
}

static int find(const char *handle, Device *found) {
    Device devices[MOST_DEVICES];
    int count = read_devices(devices), place = (int)(handle - handles);
    if (count < 0) return NO_DRIVER;
    if (place < 0 || place >= count) return NOT_FOUND;
    *found = devices[place];
    return found->lost ? LOST : OK;
}

int nvmlInitWithFlags(unsigned flags) {
    Device devices[MOST_DEVICES];
    (void)flags;
    return read_devices(devices) < 0 ? NO_DRIVER : OK;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { return code == LOST ? "GPU is lost" : code == NO_DRIVER ? "Driver Not Loaded" : "Error"; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) { snprintf(out, size, "570.86.15"); return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) {
    Device devices[MOST_DEVICES];
    int found = read_devices(devices);
    *count = found < 0 ? 0 : (unsigned)found;
    return found < 0 ? NO_DRIVER : OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, char **handle) {
    Device device;
    *handle = &handles[index < MOST_DEVICES ? index : 0];
    return find(*handle, &device);
}
int nvmlDeviceGetHandleByUUID(const char *uuid, char **handle) {
    Device devices[MOST_DEVICES];
    int count = read_devices(devices);
    for (int place = 0; place < count; place++)
        if (strcmp(devices[place].uuid, uuid) == 0) {
            *handle = &handles[place];
            return devices[place].lost ? LOST : OK;
        }
    return count < 0 ? NO_DRIVER : NOT_FOUND;
}

#define ASK(name, type, expression)                \
    int name(char *handle, type *out) {            \
        Device d;                                  \
        int code = find(handle, &d);               \
        if (code == OK) *out = (type)(expression); \
        return code;                               \
    }
#define ASK_KIND(name, expression)                             \
    int name(char *handle, unsigned kind, unsigned *out) {     \
        Device d;                                              \
        int code = find(handle, &d);                           \
        (void)kind;                                            \
        if (code == OK) *out = (expression);                   \
        return code;                                           \
    }
ASK(nvmlDeviceGetMinorNumber, unsigned, d.minor)
ASK(nvmlDeviceGetComputeMode, unsigned, d.mode)
ASK(nvmlDeviceGetEnforcedPowerLimit, unsigned, d.limit)
ASK(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, d.throttle)
ASK_KIND(nvmlDeviceGetTemperature, d.degrees)
ASK_KIND(nvmlDeviceGetClockInfo, d.clock)
ASK_KIND(nvmlDeviceGetMaxClockInfo, d.most_clock)

/* A device of 0 mW has no meter. */
int nvmlDeviceGetPowerUsage(char *handle, unsigned *out) {
    Device d;
    int code = find(handle, &d);
    if (code == OK && d.power == 0) return NOT_SUPPORTED;
    *out = d.power;
    return code;
}
int nvmlDeviceGetMigMode(char *handle, unsigned *current, unsigned *pending) {
    Device d;
    int code = find(handle, &d);
    if (code != OK) return code;
    if (d.mig > 1) return NOT_SUPPORTED;
    *current = *pending = d.mig;
    return OK;
}
int nvmlDeviceGetName(char *handle, char *out, unsigned size) {
    Device d;
    int code = find(handle, &d);
    if (code == OK) snprintf(out, size, "%s", d.name);
    return code;
}
int nvmlDeviceGetUUID(char *handle, char *out, unsigned size) {
    Device d;
    int code = find(handle, &d);
    if (code == OK) snprintf(out, size, "%s", d.uuid);
    return code;
}
int nvmlDeviceGetMemoryInfo(char *handle, Memory *out) {
    Device d;
    int code = find(handle, &d);
    if (code != OK) return code;
    out->total = (unsigned long long)d.total << 20;
    out->used = (unsigned long long)d.used << 20;
    out->free = out->total - out->used;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(char *handle, unsigned *count, Process *out) {
    Device d;
    int code = find(handle, &d);
    if (code != OK) return code;
    unsigned room = *count;
    *count = d.pid_count;
    if (d.pid_count > room) return TOO_SMALL;
    for (unsigned place = 0; out && place < d.pid_count; place++) out[place] = (Process){d.pids[place], 1 << 20, 0, 0};
    return OK;
}
