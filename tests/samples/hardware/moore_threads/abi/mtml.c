/* A libmtml.so of eight MTT S5000, written for the tests.
 *
 * Symbols, argument order and layouts follow MooreThreads/mthreads-ml-py (pymtml.py and the layouts of mtml.h 2.2 that
 * its test_abi_layout.py pins). Figures are made up, near those of mthreads-gmi.json: each card has two MTLinks to its
 * neighbour in a pair. `sample_held` says how many handles were given out and not given back.
 *
 * -DOLD     lacks MTLink, ECC and property calls     -DILL=n    the driver fails on card n
 * -DMPC     card 3 is cut up                         -DLYING    figures that cannot be
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int number, kind; } Held;
typedef struct {
    char sbdf[32];
    unsigned int segment, bus, device, pciDeviceId, pciSubsystemId, busWidth;
    float pciMaxSpeed, pciCurSpeed;
    unsigned int pciMaxWidth, pciCurWidth, pciMaxGen, pciCurGen;
    int rsvd[6];
} MtmlPciInfo;
typedef struct { unsigned int version, bandWidth, linkNum, rsvd[4]; } MtmlMtLinkSpec;
typedef struct {
    unsigned int virtCap : 1, virtRole : 3, mpcCap : 1, mpcType : 3, mtLinkCap : 1, rsvd : 23;
    unsigned int rsvd2;
} MtmlDeviceProperty;

_Static_assert(sizeof(MtmlPciInfo) == 104, "as test_abi_layout.py has it");
_Static_assert(sizeof(MtmlMtLinkSpec) == 28, "as test_abi_layout.py has it");
_Static_assert(sizeof(MtmlDeviceProperty) == 8, "as test_abi_layout.py has it");

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef ILL
#define ILL -1
#endif
#define OK 0
#define DRIVER_FAILURE 2
#define INVALID_ARGUMENT 3
#define TOO_SMALL 6
#define NOT_FOUND 7
#define BUSY 12
#define CARDS 8

enum { SESSION, SYSTEM, DEVICE, GPU, MEMORY };
static const unsigned int buses[CARDS] = {0x2a, 0x3a, 0x4b, 0x5c, 0x9a, 0xba, 0xca, 0xda};
static int held;

static int give(void **out, int kind, int number) {
    Held *made = malloc(sizeof *made);
    made->number = number;
    made->kind = kind;
    held++;
    *out = made;
    return OK;
}
static int take(void *handle, int kind) {
    if (((Held *)handle)->kind != kind) return INVALID_ARGUMENT;
    held--;
    free(handle);
    return OK;
}
static int of(void *handle, int kind) { return ((Held *)handle)->kind == kind ? ((Held *)handle)->number : -1; }
static int say(char *out, unsigned int length, const char *words) {
    return (unsigned int)snprintf(out, length, "%s", words) < length ? OK : TOO_SMALL;
}

int sample_held(void) { return held; }

int mtmlLibraryInit(void **session) { return give(session, SESSION, 0); }
int mtmlLibraryShutDown(void *session) {
    return take(session, SESSION);
}
int mtmlLibraryCountDevice(void *session, unsigned int *count) {
    *count = CARDS;
    return of(session, SESSION) == 0 ? OK : INVALID_ARGUMENT;
}
int mtmlLibraryInitSystem(void *session, void **system) { return give(system, SYSTEM, of(session, SESSION)); }
int mtmlLibraryFreeSystem(void *system) { return take(system, SYSTEM); }
int mtmlSystemGetDriverVersion(void *system, char *version, unsigned int length) {
    return of(system, SYSTEM) == 0 ? say(version, length, "3.3.5-server") : INVALID_ARGUMENT;
}
int mtmlLibraryInitDeviceByIndex(void *session, unsigned int index, void **device) {
    return of(session, SESSION) == 0 && index < CARDS ? give(device, DEVICE, (int)index) : INVALID_ARGUMENT;
}
int mtmlLibraryFreeDevice(void *device) { return take(device, DEVICE); }
int mtmlDeviceGetIndex(void *device, unsigned int *index) {
    *index = (unsigned int)of(device, DEVICE);
    return OK;
}
int mtmlDeviceGetName(void *device, char *name, unsigned int length) {
    return of(device, DEVICE) < 0 ? INVALID_ARGUMENT : say(name, length, "MTT S5000");
}
int mtmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    char words[48];
    snprintf(words, sizeof words, "399282a8-ba01-1475-893c-00000000000%d", of(device, DEVICE));
    return say(uuid, length, words);
}
int mtmlDeviceGetPciInfo(void *device, MtmlPciInfo *pci) {
    memset(pci, 0xff, sizeof *pci);
    snprintf(pci->sbdf, sizeof pci->sbdf, "%08x:%02x:00.0", DOMAIN, buses[of(device, DEVICE)]);
    return OK;
}
int mtmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    *milliwatts = 96660;
#ifdef LYING
    *milliwatts = 4294967295u;
#endif
    return of(device, DEVICE) == ILL ? DRIVER_FAILURE : OK;
}
int mtmlDeviceInitGpu(void *device, void **gpu) { return give(gpu, GPU, of(device, DEVICE)); }
int mtmlDeviceFreeGpu(void *gpu) { return take(gpu, GPU); }
int mtmlGpuGetUtilization(void *gpu, unsigned int *percent) {
    *percent = of(gpu, GPU) < 0 ? 0 : 12;
    return OK;
}
int mtmlGpuGetTemperature(void *gpu, int *degrees) {
    *degrees = of(gpu, GPU) < 0 ? 0 : 27;
#ifdef LYING
    *degrees = -273;
#endif
    return OK;
}
int mtmlDeviceInitMemory(void *device, void **memory) { return give(memory, MEMORY, of(device, DEVICE)); }
int mtmlDeviceFreeMemory(void *memory) { return take(memory, MEMORY); }
int mtmlMemoryGetTotal(void *memory, unsigned long long *total) {
    *total = of(memory, MEMORY) < 0 ? 0 : 80ull << 30;
    return OK;
}
int mtmlMemoryGetUsed(void *memory, unsigned long long *used) {
    *used = of(memory, MEMORY) < 0 ? 0 : 5ull << 30;
    return OK;
}
#ifndef OLD
int mtmlMemoryGetEccErrorCounter(void *memory, int type, int counter, int location, unsigned long long *errors) {
    *errors = of(memory, MEMORY) == 6 && type == 1 && counter == 0 && location == 1 ? 2 : 0;
    return OK;
}
int mtmlDeviceGetProperty(void *device, MtmlDeviceProperty *property) {
    memset(property, 0, sizeof *property);
    property->virtCap = 1;
    property->mpcCap = 1;
    property->mtLinkCap = 1;
#ifdef MPC
    property->mpcType = of(device, DEVICE) == 3;
#else
    property->mpcType = device == 0;
#endif
    return OK;
}
int mtmlDeviceGetMtLinkSpec(void *device, MtmlMtLinkSpec *spec) {
    memset(spec, 0, sizeof *spec);
    spec->version = 20000;
    spec->bandWidth = 400;
    spec->linkNum = of(device, DEVICE) < 0 ? 0 : 4;
    return OK;
}
int mtmlDeviceGetMtLinkState(void *device, unsigned int link, unsigned int *state) {
    *state = of(device, DEVICE) >= 0 && link < 2;
    return OK;
}
int mtmlDeviceGetMtLinkRemoteDevice(void *device, unsigned int link, void **remote) {
    return link < 2 ? give(remote, DEVICE, of(device, DEVICE) ^ 1) : NOT_FOUND;
}
#endif
