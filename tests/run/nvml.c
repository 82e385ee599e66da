/* A stand-in of NVIDIA's management library: as many GPUs as a file of the test's host says. */
#include <stdio.h>
#include <unistd.h>

/* nvmlReturn_t */
enum { SUCCESS = 0, DRIVER_NOT_LOADED = 9 };

static int gpus(void) {
    int count = -1;
    FILE *file = fopen("/run/lab/nvml/gpus", "r");
    if (file) {
        /* What is no number is a driver that hangs. */
        while (fscanf(file, "%d", &count) != 1)
            pause();
        fclose(file);
    }
    return count;
}

int nvmlInit_v2(void) { return gpus() < 0 ? DRIVER_NOT_LOADED : SUCCESS; }

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    return nvmlInit_v2();
}

int nvmlShutdown(void) { return SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "570.133.20");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)gpus();
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = (void *)(unsigned long)(index + 1);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) {
    snprintf(uuid, length, "GPU-00000000-0000-0000-0000-%012lu", (unsigned long)device);
    return SUCCESS;
}

const char *nvmlErrorString(int result) { return result ? "the stand-in fails" : "no error"; }
