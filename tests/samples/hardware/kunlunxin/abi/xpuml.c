/* Eight Kunlunxin P800 OAM behind libxpuml's interface, for tests of the ctypes layer. Written by hand; no part of
 * theirs.
 *
 * Symbols, prototypes, structures and codes: gen/xpuml/xpuml.h in kunlunxin/go-xpuml (Apache 2.0). The figures are
 * those of q.txt beside this folder.
 *
 * Macros: INIT (what xpumlInit answers), UUID (the symbol that the header keeps in a comment), SICK (states other than
 * running), LYING (figures that cannot be), CROWD (too many cards), NO_POWER (a library without that symbol), SRIOV.
 */
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef INIT
#define INIT 0
#endif
#define NOT_SUPPORTED 3
#define MISSING 6

typedef struct xpumlDevice_st *xpumlDevice_t;
typedef int xpumlReturn_t;

typedef struct {
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int function;
    unsigned int pciDeviceId;
    unsigned int pciSubSystemId;
    char busId[32];
    unsigned long long reserved[9];
} xpumlPciInfo_t;
typedef struct {
    unsigned int xpu;
    unsigned int memory;
    unsigned long long reserved[15];
} xpumlUtilization_t;
typedef struct {
    unsigned long long globalMemoryPageSize;
    unsigned long long totalGlobalMemory;
    unsigned long long freeGlobalMemory;
    unsigned long long usedGlobalMemory;
    unsigned long long L3MemoryPageSize;
    unsigned long long totalL3Memory;
    unsigned long long freeL3Memory;
    unsigned long long usedL3Memory;
    unsigned long long reserved[8];
} xpumlMemory_t;
typedef struct {
    int archId;
    int boardId;
    int modelId;
    unsigned int counts[7];
    unsigned long long gmSizeMB;
    unsigned long long l3SizeMB;
    unsigned long long serial[2];
    unsigned long long reserved[7];
} xpumlDeviceAttributes_t;

unsigned long abi_size(const char *name)
{
    static const struct { const char *name; unsigned long size; } sizes[] = {
        {"PciPlace", sizeof(xpumlPciInfo_t)},
        {"Utilization", sizeof(xpumlUtilization_t)},
        {"MemoryInUse", sizeof(xpumlMemory_t)},
        {"Attributes", sizeof(xpumlDeviceAttributes_t)},
    };
    for (unsigned long i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (strcmp(sizes[i].name, name) == 0)
            return sizes[i].size;
    return 0;
}

struct xpumlDevice_st {
    unsigned int bus;
    unsigned int minor;
    unsigned int watts;
    unsigned int heat;
};
static struct xpumlDevice_st cards[8] = {
    {0x0f, 0, 94, 41}, {0x16, 2, 95, 40}, {0x3f, 1, 92, 40}, {0x46, 3, 94, 41},
    {0x84, 4, 91, 37}, {0x8b, 6, 92, 41}, {0xb6, 5, 93, 43}, {0xbd, 7, 95, 44},
};

xpumlReturn_t xpumlInit(void)
{
    return INIT;
}

xpumlReturn_t xpumlDeviceGetCount(unsigned int *deviceCount)
{
#ifdef CROWD
    *deviceCount = 70000;
#else
    *deviceCount = 8;
#endif
    return 0;
}

xpumlReturn_t xpumlSystemGetDriverVersion(char *version, unsigned int length)
{
    strncpy(version, "5.0.21.47", length);
    return 0;
}

/* A pointer, so that one cut to 32 bits on its way would not come back. */
xpumlReturn_t xpumlDeviceGetHandleByIndex(unsigned int index, xpumlDevice_t *device)
{
    if (index >= 8)
        return MISSING;
    *device = &cards[index];
    return 0;
}

xpumlReturn_t xpumlDeviceGetName(xpumlDevice_t device, char *name, unsigned int length)
{
    strncpy(name, "P800 OAM", length);
    return 0;
}

#ifdef UUID
xpumlReturn_t xpumlDeviceGetUUID(xpumlDevice_t device, char *uuid, unsigned int length)
{
    strncpy(uuid, "GPU-b3509946-0bc6-5744-bd7c-a0b87dadef02", length);
    return 0;
}
#endif

xpumlReturn_t xpumlDeviceGetSerial(xpumlDevice_t device, char *serial, unsigned int length)
{
    strncpy(serial, "02K15K0263D0000N", length);
    serial[14] = '0' + device->minor;
    return 0;
}

xpumlReturn_t xpumlDeviceGetMinorNumber(xpumlDevice_t device, unsigned int *minorNumber)
{
    *minorNumber = device->minor;
    return 0;
}

xpumlReturn_t xpumlDeviceGetPciInfo(xpumlDevice_t device, xpumlPciInfo_t *pci)
{
    memset(pci, 0, sizeof(*pci));
    pci->domain = DOMAIN;
    pci->bus = device->bus;
    return 0;
}

xpumlReturn_t xpumlDeviceGetMemoryInfo(xpumlDevice_t device, xpumlMemory_t *memory)
{
    memset(memory, 0, sizeof(*memory));
    memory->totalGlobalMemory = 98304ull << 20;
    memory->usedGlobalMemory = 1024ull << 20;
    memory->totalL3Memory = 96ull << 20;
#ifdef LYING
    memory->totalGlobalMemory = ~0ull;
#endif
    return 0;
}

xpumlReturn_t xpumlDeviceGetUtilizationRates(xpumlDevice_t device, xpumlUtilization_t *utilization)
{
    memset(utilization, 0, sizeof(*utilization));
    utilization->xpu = 25;
#ifdef LYING
    utilization->xpu = 101;
#endif
    return 0;
}

xpumlReturn_t xpumlDeviceGetAttributes(xpumlDevice_t device, xpumlDeviceAttributes_t *attributes)
{
    memset(attributes, 0, sizeof(*attributes));
    attributes->archId = 3;
    return 0;
}

#ifndef NO_POWER
xpumlReturn_t xpumlDeviceGetPowerUsage(xpumlDevice_t device, unsigned int *power)
{
    *power = device->watts * 1000;
#ifdef LYING
    *power = 4294967295u;
#endif
    return 0;
}
#endif

xpumlReturn_t xpumlDeviceGetTemperature(xpumlDevice_t device, int sensorType, unsigned int *temp)
{
    if (sensorType != 0)
        return NOT_SUPPORTED;
    *temp = device->heat;
#ifdef LYING
    *temp = 255;
#endif
    return 0;
}

xpumlReturn_t xpumlDeviceGetState(xpumlDevice_t device, unsigned int *state)
{
    *state = 201;
#ifdef SICK
    if (device->minor == 3)
        *state = 207;
    if (device->minor == 4)
        *state = 205;
    if (device->minor == 7)
        *state = 999;
#endif
    return 0;
}

xpumlReturn_t xpumlDeviceGetHostVxpuMode(xpumlDevice_t device, unsigned int *mode)
{
#ifdef SRIOV
    *mode = 2;
    return 0;
#else
    return NOT_SUPPORTED;
#endif
}
