/* An NVML of eight H100 in an HGX board, made by hand: symbols, structures and codes as nvml.h (CUDA 12.8) declares
 * them, https://docs.nvidia.com/deploy/nvml-api/. Figures are invented.
 *
 * Macros: OLD leaves out the symbols of newer drivers, NO_COUNT the ones nothing goes without, MANY counts wrong, NO_DRIVER refuses to
 * start, LYING returns figures that cannot be true, SICK breaks cards 1 to 5 (5 is lost), MIG cuts card 0 up,
 * NO_NVLINK takes the links away, STALE_FABRIC is an NVSwitch board without its fabric manager.
 */
#include <stdio.h>
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#define CARDS 8
#define OK 0
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7
#define DRIVER_NOT_LOADED 9
#define GPU_IS_LOST 15

typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } nvmlMemory_v2_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;
typedef union { double d; unsigned int ui; unsigned long long ull; } nvmlValue_t;
typedef struct {
    unsigned int fieldId, scopeId;
    long long timestamp, latencyUsec;
    int valueType, nvmlReturn;
    nvmlValue_t value;
} nvmlFieldValue_t;
typedef struct { unsigned char clusterUuid[16]; int status; unsigned int cliqueId; unsigned char state; } nvmlGpuFabricInfo_t;

unsigned int sizeof_nvmlMemory_t = sizeof(nvmlMemory_t);
unsigned int sizeof_nvmlMemory_v2_t = sizeof(nvmlMemory_v2_t);
unsigned int sizeof_nvmlUtilization_t = sizeof(nvmlUtilization_t);
unsigned int sizeof_nvmlPciInfo_t = sizeof(nvmlPciInfo_t);
unsigned int sizeof_nvmlFieldValue_t = sizeof(nvmlFieldValue_t);
unsigned int sizeof_nvmlGpuFabricInfo_t = sizeof(nvmlGpuFabricInfo_t);

struct nvmlDevice_st { int index; int slice; };
static struct nvmlDevice_st cards[CARDS] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}};
struct nvmlDevice_st slices[2] = {{0, 1}, {0, 2}};
static const unsigned int buses[CARDS] = {0x1b, 0x43, 0x52, 0x61, 0x9d, 0xc3, 0xd1, 0xdf};
static int open_count = 0;

#ifdef OLD
int nvmlInit(void)
#else
int nvmlInit_v2(void)
#endif
{
#ifdef NO_DRIVER
    return DRIVER_NOT_LOADED;
#endif
    open_count++;
    return OK;
}

int nvmlShutdown(void) { open_count--; return OK; }
int fake_open_count(void) { return open_count; }

#ifndef NO_COUNT
#ifdef OLD
int nvmlDeviceGetCount(unsigned int *count)
#else
int nvmlDeviceGetCount_v2(unsigned int *count)
#endif
{
    *count = CARDS;
#ifdef MANY
    *count = -1;
#endif
    return OK;
}
#endif

#ifdef OLD
int nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *device)
#else
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
#endif
{
    if (index >= CARDS) return INVALID_ARGUMENT;
#ifdef SICK
    if (index == 5) return GPU_IS_LOST;
#endif
    *device = &cards[index];
    return OK;
}

static int copy(char *to, unsigned int length, const char *text)
{
    if (strlen(text) >= length) return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return OK;
}

int nvmlSystemGetDriverVersion(char *version, unsigned int length) { return copy(version, length, "570.124.06"); }
#ifdef OLD
int nvmlSystemGetCudaDriverVersion(int *version)
#else
int nvmlSystemGetCudaDriverVersion_v2(int *version)
#endif
{ *version = 12080; return OK; }

int nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
    if (device->slice == 1) return copy(name, length, "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
    if (device->slice == 2) return copy(name, length, "NVIDIA H100 80GB HBM3 MIG 1g.10gb");
    return copy(name, length, "NVIDIA H100 80GB HBM3");
}

int nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length)
{
    char text[80];
    if (device->slice) sprintf(text, "MIG-00000000-0000-0000-0000-00000000000%d", device->slice);
    else sprintf(text, "GPU-c7a0294c-c2c2-5476-438c-fb468eaa223%x", device->index);
    return copy(uuid, length, text);
}

int nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor) { *minor = device->index; return OK; }

#ifdef OLD
int nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *pci)
{   /* the old structure ends after pciSubSystemId with four reserved words and keeps the address in 16 characters */
    sprintf(pci->busIdLegacy, "%04X:%02X:00.0", DOMAIN, buses[device->index]);
    pci->domain = DOMAIN; pci->bus = buses[device->index]; pci->device = 0;
    pci->pciDeviceId = 0x233010de; pci->pciSubSystemId = 0;
    return OK;
}
#else
int nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    memset(pci, 0, sizeof *pci);
    pci->domain = DOMAIN;
    pci->bus = buses[device->index];
    pci->pciDeviceId = 0x233010de;
    sprintf(pci->busId, "%08X:%02X:00.0", DOMAIN, buses[device->index]);
    return OK;
}

int nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    if (memory->version != (sizeof(nvmlMemory_v2_t) | 2u << 24)) return INVALID_ARGUMENT;
    memory->total = device->slice ? (device->slice == 1 ? 40192ull << 20 : 9856ull << 20) : 81559ull << 20;
    memory->reserved = 551ull << 20;
    memory->used = 1024ull << 20;
#ifdef LYING
    memory->total = ~0ull;
#endif
    memory->free = memory->total - memory->reserved - memory->used;
    return OK;
}
#endif

int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    memory->total = 81559ull << 20;
    memory->used = (1024ull + 551ull) << 20;
    memory->free = memory->total - memory->used;
    return OK;
}

int nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates)
{
#ifdef MIG
    if (device->index == 0) return NOT_SUPPORTED;
#endif
    rates->gpu = 10 * device->index;
    rates->memory = 5;
#ifdef LYING
    rates->gpu = 65535;
#endif
    return OK;
}

int nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned int *celsius)
{
    *celsius = 30 + device->index;
#ifdef LYING
    *celsius = (unsigned int)-1;
#endif
#ifdef SICK
    if (device->index == 4) *celsius = 91;
#endif
    return sensor == 0 ? OK : INVALID_ARGUMENT;
}

int nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, int threshold, unsigned int *celsius)
{
    *celsius = threshold == 1 ? 90 : 95;
    return OK;
}

int nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts)
{
#ifdef LYING
    return NOT_SUPPORTED;
#endif
    *milliwatts = 70500 + 1000 * device->index;
    return OK;
}

int nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *milliwatts) { *milliwatts = 700000; return OK; }

int nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    *major = 9;
    *minor = 0;
    return OK;
}

#ifndef OLD
int nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned int *architecture) { *architecture = 9; return OK; }
#endif

int nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, int type, int counter, unsigned long long *count)
{
    *count = 0;
#ifdef SICK
    if (device->index == 1 && type == 1) *count = counter == 0 ? 2 : 5;
#endif
    return OK;
}

int nvmlDeviceGetRetiredPages(nvmlDevice_t device, int cause, unsigned int *count, unsigned long long *addresses)
{
#ifdef SICK
    if (device->index == 3 && cause == 1) { *count = 4; return INSUFFICIENT_SIZE; }
#endif
    *count = 0;
    return OK;
}

int nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device, unsigned int *pending)
{
    *pending = 0;
#ifdef SICK
    *pending = device->index == 3;
#endif
    return OK;
}

#ifdef OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons)
#else
int nvmlDeviceGetRemappedRows(
    nvmlDevice_t device, unsigned int *corrected, unsigned int *bad, unsigned int *pending, unsigned int *failed)
{
    *corrected = *bad = *pending = *failed = 0;
#ifdef SICK
    if (device->index == 2) { *bad = 3; *pending = 1; *failed = 1; }
#endif
    return OK;
}

int nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons)
#endif
{
    *reasons = 0x1 | 0x4;
#ifdef SICK
    if (device->index == 4) *reasons = 0x40;
#endif
    return OK;
}

#ifndef OLD
int nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, nvmlGpuFabricInfo_t *fabric)
{
    memset(fabric, 0, sizeof *fabric);
#ifdef NO_NVLINK
    return NOT_SUPPORTED;
#endif
    fabric->state = 3;
#ifdef STALE_FABRIC
    fabric->state = 2;
#endif
    return OK;
}

int nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    *current = *pending = 0;
#ifdef MIG
    *current = *pending = device->index == 0;
#endif
    return OK;
}

int nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count) { *count = 7; return OK; }

int nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *slice)
{
    if (index != 0 && index != 2) return NOT_FOUND;
    *slice = &slices[index / 2];
    return OK;
}
#endif

int nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, unsigned int *active)
{
#ifdef NO_NVLINK
    return NOT_SUPPORTED;
#endif
    *active = link < 18;
#ifdef SICK
    if (device->index == 7) *active = link < 16;
#endif
    return link < 18 ? OK : INVALID_ARGUMENT;
}

#ifdef OLD
/* A board of two bridged pairs' kind: links 0 to 3 of cards 2n and 2n + 1 lead to each other. */
int nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci)
{
    pci->domain = DOMAIN; pci->device = 0;
    pci->bus = link < 4 ? buses[device->index ^ 1] : 0x07;
    return OK;
}
#else
int nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci)
{   /* an NVSwitch */
    memset(pci, 0, sizeof *pci);
    pci->domain = DOMAIN;
    pci->bus = 0x07 + link % 4;
    return OK;
}
#endif

int nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    for (int i = 0; i < count; i++) {
        values[i].nvmlReturn = values[i].fieldId == 90 ? OK : NOT_SUPPORTED;
        values[i].valueType = 1;
        values[i].value.ui = 26562;
    }
    return OK;
}

int nvmlDeviceGetP2PStatus(nvmlDevice_t one, nvmlDevice_t other, int index, int *status)
{
    *status = index == 2 ? 0 : 5;
#if defined(NO_NVLINK) || defined(OLD)
    *status = 5;
#endif
    return OK;
}

int nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t one, nvmlDevice_t other, unsigned int *level)
{
    if (one->index / 4 != other->index / 4) *level = 50;
    else if (one->index / 2 != other->index / 2) *level = 40;
    else *level = 20;
    return OK;
}
