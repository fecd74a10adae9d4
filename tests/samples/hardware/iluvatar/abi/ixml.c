/* A libixml.so of eight BI-V150 cards, sixteen chips, written for the tests.
 *
 * Symbols, argument order and layouts follow Deep-Spark/go-ixml's api.h (nvml* names, a handle that is a structure with
 * one pointer, ixmlDeviceGetHealth and ixmlDeviceGetEccErros). The figures are made up, near those of ixsmi.txt.
 *
 * -DOLD      lacks what older releases lack          -DLOST=n   chip n is gone
 * -DLYING    figures that cannot be                  -DHANGING  never answers
 * -DNO_DRIVER the driver is not loaded               -DILL=n    chip n has errors
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct { void *handle; } nvmlDevice_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef LOST
#define LOST -1
#endif
#ifndef ILL
#define ILL -1
#endif
#define OK 0
#define NO_PERMISSION 4
#define DRIVER_NOT_LOADED 9
#define NOT_SUPPORTED 3
#define GPU_IS_LOST 15
#define CHIPS 16

static const unsigned int buses[CHIPS] = {
    0x13, 0x16, 0x1c, 0x1f, 0x27, 0x2a, 0x34, 0x37, 0x3d, 0x40, 0x48, 0x4b, 0x54, 0x57, 0x64, 0x67};
static int chips[CHIPS];

static int number(nvmlDevice_t device) { return (int)((int *)device.handle - chips); }
static int state(nvmlDevice_t device) { return number(device) == LOST ? GPU_IS_LOST : OK; }

int nvmlInit_v2(void) {
#ifdef HANGING
    for (;;) pause();
#endif
#ifdef NO_DRIVER
    return DRIVER_NOT_LOADED;
#endif
    return OK;
}
int nvmlShutdown(void) { return OK; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = CHIPS; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    device->handle = &chips[index];
    return OK;
}
int nvmlSystemGetDriverVersion(char *version, unsigned int length) { snprintf(version, length, "4.3.0"); return OK; }
int nvmlSystemGetCudaDriverVersion(int *version) { *version = 10020; return OK; }
int nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    snprintf(name, length, "Iluvatar BI-V150");
    return state(device);
}
int nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
    snprintf(uuid, length, "GPU-00000000-0000-0000-0000-0000000000%02x", number(device));
    return state(device);
}
int nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor) {
    *minor = CHIPS - 1 - (unsigned int)number(device);
    return state(device);
}
int nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    memset(pci, 0, sizeof *pci);
    pci->domain = DOMAIN;
    pci->bus = buses[number(device)];
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:00.0", DOMAIN, pci->bus);
    snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:00.0", DOMAIN, pci->bus);
    return OK;
}
int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    memory->total = 32ull << 30;
    memory->used = (64ull + (unsigned int)number(device)) << 20;
#ifdef LYING
    memory->used = 64ull << 40;
#endif
    memory->free = memory->total - memory->used;
    return state(device);
}
int nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates) {
    rates->gpu = 25;
    rates->memory = 99;
#ifdef LYING
    rates->gpu = 4294967295u;
#endif
    return state(device);
}
int nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned int *degrees) {
    *degrees = sensor == 0 ? 35 : 0;
#ifdef LYING
    *degrees = 65535;
#endif
    return state(device);
}
/* Every second chip of a board has no reading of its own. */
int nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts) {
    *milliwatts = 103500;
    return number(device) % 2 ? state(device) : NOT_SUPPORTED;
}
#ifndef OLD
int nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned int *milliwatts) {
    *milliwatts = 350000;
    return number(device) % 2 ? state(device) : NOT_SUPPORTED;
}
int nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    *major = 7;
    *minor = 1;
    return state(device);
}
int ixmlDeviceGetHealth(nvmlDevice_t device, unsigned long long *health) {
    *health = number(device) == ILL ? 0x200000000ull : 0;
    return state(device);
}
int ixmlDeviceGetEccErros(nvmlDevice_t device, unsigned int *single, unsigned int *twice) {
    *single = 7;
    *twice = number(device) == ILL ? 2 : 0;
    return state(device);
}
#endif
