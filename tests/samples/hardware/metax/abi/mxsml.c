/* A libmxsml.so of eight MXC550, written for the tests.
 *
 * Symbols, argument order, units and layouts follow MetaX's MxSml.h (mxsml 2.3.1) and its binding pymxsml. Figures are
 * made up, near those of mx-smi-2.1.6.txt: two groups of four cards, each joined by MetaXLink.
 *
 * -DSRIOV  card 0 is a physical function with two virtual ones behind it
 * -DOLD    lacks calls of newer releases       -DILL=n   card n is unavailable     -DLYING  figures that cannot be
 */
#include <stdio.h>
#include <string.h>

typedef struct {
    unsigned int deviceId, type;
    char bdfId[32];
    unsigned int gpuId, nodeId;
    char uuid[96];
    unsigned int brand, mode;
    char deviceName[32];
} mxSmlDeviceInfo_t;
typedef struct { long visVramTotal, visVramUse, vramTotal, vramUse, xttTotal, xttUse; } mxSmlMemoryInfo_t;
typedef struct { unsigned int voltage, current, power; } mxSmlBoardWayElectricInfo_t;
typedef struct { unsigned int sramCE, sramUE, dramCE, dramUE, retiredPage; } mxSmlEccErrorCount_t;
typedef struct { int unavailableCode; char unavailableReason[64]; } mxSmlDeviceUnavailableReasonInfo_t;

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef ILL
#define ILL -1
#endif
#define OK 0
#define NOT_SUPPORTED 3
#define INVALID_DEVICE 6
#define INVALID_INPUT 9
#define TOO_SMALL 10
#define CARDS 8
#ifdef SRIOV
#define DEVICES (CARDS + 2)
#else
#define DEVICES CARDS
#endif
#define WAYS 3

static const unsigned int buses[CARDS] = {0x2a, 0x3a, 0x4c, 0x5c, 0xaa, 0xba, 0xca, 0xda};

int mxSmlInit(void) { return OK; }
unsigned int mxSmlGetDeviceCount(void) { return DEVICES; }
int mxSmlGetDeviceInfo(unsigned int device, mxSmlDeviceInfo_t *about) {
    unsigned int function = device < CARDS ? 0 : device - CARDS + 1;
    if (device >= DEVICES) return INVALID_DEVICE;
    memset(about, 0, sizeof *about);
    about->deviceId = device;
    about->brand = 2;
    snprintf(about->bdfId, sizeof about->bdfId, "%04x:%02x:00.%u", DOMAIN, buses[function ? 0 : device], function);
    snprintf(about->uuid, sizeof about->uuid, "GPU-e702f06b-bbd6-bc06-5196-0000000000%02x", device);
    snprintf(about->deviceName, sizeof about->deviceName, "MXC550");
#ifdef SRIOV
    about->mode = function ? 2 : device == 0;
#endif
    return OK;
}
static int text(char *out, unsigned int *size, const char *said) {
    if (*size <= strlen(said)) { *size = (unsigned int)strlen(said) + 1; return TOO_SMALL; }
    strcpy(out, said);
    return OK;
}
int mxSmlGetMacaVersion(char *version, unsigned int *size) { return text(version, size, "2.23.0.1018"); }
int mxSmlGetDeviceVersion(unsigned int device, int unit, char *version, unsigned int *size) {
    if (device >= DEVICES) return INVALID_DEVICE;
    return text(version, size, unit == 1 ? "2.5.014" : "1.13.4.0");
}
int mxSmlGetMemoryInfo(unsigned int device, mxSmlMemoryInfo_t *memory) {
    if (device >= DEVICES) return INVALID_DEVICE;
    memset(memory, 0, sizeof *memory);
    memory->vramTotal = 64l << 20;
    memory->vramUse = 810l << 10;
    memory->visVramTotal = memory->xttTotal = 7;
#ifdef LYING
    memory->vramTotal = -1;
#endif
    return OK;
}
int mxSmlGetDeviceIpUsage(unsigned int device, int unit, int *usage) {
    if (unit != 4) return NOT_SUPPORTED;
    *usage = device < DEVICES ? 42 : 0;
#ifdef LYING
    *usage = -5;
#endif
    return OK;
}
int mxSmlGetTemperatureInfo(unsigned int device, int sensor, int *temperature) {
    if (sensor != 0) return NOT_SUPPORTED;
    *temperature = device < DEVICES ? 3125 : 0;
    return OK;
}
int mxSmlGetBoardPowerInfo(unsigned int device, unsigned int *size, mxSmlBoardWayElectricInfo_t *ways) {
    unsigned int way;
    if (device >= DEVICES) return INVALID_DEVICE;
    if (*size < WAYS) { *size = WAYS; return TOO_SMALL; }
    *size = WAYS;
    for (way = 0; way < WAYS; way++) {
        ways[way].voltage = 12000;
        ways[way].current = 1250;
        ways[way].power = 15000;
    }
    return OK;
}
#ifndef OLD
int mxSmlGetBoardPowerLimit(unsigned int device, unsigned int *limit) {
    *limit = device < DEVICES ? 450000 : 0;
    return OK;
}
int mxSmlGetDeviceUnavailableReason(unsigned int device, mxSmlDeviceUnavailableReasonInfo_t *why) {
    memset(why, 0, sizeof *why);
    if ((int)device == ILL) {
        why->unavailableCode = 4;
        strcpy(why->unavailableReason, "VRAM training failed");
    }
    return OK;
}
int mxSmlGetTotalEccErrors(unsigned int device, mxSmlEccErrorCount_t *errors) {
    memset(errors, 0, sizeof *errors);
    errors->dramCE = 9;
    errors->dramUE = device == 1 ? 5 : 0;
    return OK;
}
#endif
/* 5 is METAXLINK, 4 NODE. */
int mxSmlGetDeviceTopology(unsigned int one, unsigned int other, unsigned int *level) {
    if (one == other) return INVALID_INPUT;
    *level = one / 4 == other / 4 ? 5 : 4;
    return OK;
}
