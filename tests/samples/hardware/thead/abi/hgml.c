/* A libhgml.so of eight PPU-ZW810E, written for the tests.
 *
 * Symbols and layouts follow gpustack-runtime's pyhgml binding (NVML's under the prefix hgml, a pointer as the handle;
 * hgmlInit_v2 stands beside hgmlInitWithFlags in the exports that gpustack lists). The figures are made up, near those
 * of ppu-smi.txt.
 *
 * -DMIG      card 2 is cut into two instances       -DILL=n    card n has counted uncorrected errors
 * -DOLD      starts with hgmlInitWithFlags, lacks MIG and ECC calls
 * -DCRASHING dies when a card is asked for its memory
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct unit { int number, instance; } *hgmlDevice_t;
typedef struct { unsigned long long total, free, used; } hgmlMemory_t;
typedef struct { unsigned int gpu, memory; } hgmlUtilization_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} hgmlPciInfo_t;

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef ILL
#define ILL -1
#endif
#define OK 0
#define INVALID_ARGUMENT 2
#define NOT_FOUND 6
#define CARDS 8
#define MIG_CARD 2

static const unsigned int buses[CARDS] = {0x08, 0x7e, 0x0a, 0x7f, 0xa2, 0xa3, 0xc8, 0xc9};
static struct unit cards[CARDS];

#ifdef OLD
int hgmlInitWithFlags(unsigned int flags) { return flags == 0 ? OK : INVALID_ARGUMENT; }
#else
int hgmlInit_v2(void) { return OK; }
#endif
int hgmlShutdown(void) { return OK; }
int hgmlDeviceGetCount_v2(unsigned int *count) { *count = CARDS; return OK; }
int hgmlDeviceGetHandleByIndex_v2(unsigned int index, hgmlDevice_t *device) {
    cards[index].number = (int)index;
    *device = &cards[index];
    return OK;
}
int hgmlSystemGetDriverVersion(char *version, unsigned int length) {
    snprintf(version, length, "2.1.0-dbda51");
    return OK;
}
int hgmlSystemGetHggcDriverVersion(int *version) { *version = 13000; return OK; }
int hgmlDeviceGetName(hgmlDevice_t device, char *name, unsigned int length) {
    if (device->instance) snprintf(name, length, "PPU-ZW810E MIG 1g.48gb");
    else snprintf(name, length, "PPU-ZW810E");
    return OK;
}
int hgmlDeviceGetUUID(hgmlDevice_t device, char *uuid, unsigned int length) {
    if (device->instance) snprintf(uuid, length, "MIG-%d", device->instance);
    else snprintf(uuid, length, "GPU-019ea108-0000-0000-0000-00000000000%d", device->number);
    return OK;
}
int hgmlDeviceGetMinorNumber(hgmlDevice_t device, unsigned int *minor) {
    *minor = (unsigned int)device->number;
    return OK;
}
int hgmlDeviceGetPciInfo_v3(hgmlDevice_t device, hgmlPciInfo_t *pci) {
    memset(pci, 0, sizeof *pci);
    pci->domain = DOMAIN + (device->number < 6 ? 0 : 1);
    pci->bus = buses[device->number];
    snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:00.0", pci->domain, pci->bus);
    return OK;
}
int hgmlDeviceGetMemoryInfo(hgmlDevice_t device, hgmlMemory_t *memory) {
#ifdef CRASHING
    abort();
#endif
    memory->total = (device->instance ? 48ull : 96ull) << 30;
    memory->used = 49ull << 20;
    memory->free = memory->total - memory->used;
    return OK;
}
int hgmlDeviceGetUtilizationRates(hgmlDevice_t device, hgmlUtilization_t *rates) {
    rates->gpu = 4u + (unsigned int)device->number;
    rates->memory = 1;
    return OK;
}
int hgmlDeviceGetTemperature(hgmlDevice_t device, int sensor, unsigned int *degrees) {
    *degrees = device && sensor == 0 ? 24 : 0;
    return OK;
}
int hgmlDeviceGetPowerUsage(hgmlDevice_t device, unsigned int *milliwatts) {
    *milliwatts = device ? 74250 : 0;
    return OK;
}
int hgmlDeviceGetPowerManagementDefaultLimit(hgmlDevice_t device, unsigned int *milliwatts) {
    *milliwatts = device ? 400000 : 0;
    return OK;
}
int hgmlDeviceGetHggcComputeCapability(hgmlDevice_t device, int *major, int *minor) {
    *major = device ? 8 : 0;
    *minor = 0;
    return OK;
}
#ifndef OLD
static struct unit instances[2] = {{MIG_CARD, 1}, {MIG_CARD, 2}};

int hgmlDeviceGetTotalEccErrors(hgmlDevice_t device, int type, int counter, unsigned long long *errors) {
    *errors = device->number == ILL && type == 1 && counter == 0 ? 3 : 0;
    return OK;
}
int hgmlDeviceGetMigMode(hgmlDevice_t device, unsigned int *now, unsigned int *pending) {
#ifdef MIG
    *now = *pending = device->number == MIG_CARD;
#else
    *now = *pending = device == 0;
#endif
    return OK;
}
int hgmlDeviceGetMaxMigDeviceCount(hgmlDevice_t device, unsigned int *count) { *count = device ? 8 : 0; return OK; }
int hgmlDeviceGetMigDeviceHandleByIndex(hgmlDevice_t device, unsigned int index, hgmlDevice_t *instance) {
    if (device->number != MIG_CARD || index > 1) return NOT_FOUND;
    *instance = &instances[index];
    return OK;
}
#endif
