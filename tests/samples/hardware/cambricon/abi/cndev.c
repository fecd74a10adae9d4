/* Eight Cambricon MLU590-M9 behind libcndev's interface, for tests of the ctypes layer. Written by hand; no part of
 * theirs.
 *
 * Symbols, prototypes, structures and codes: pkg/cndev/include/cndev.h in Cambricon/mlu-exporter (Apache 2.0),
 * interface version 6. The figures are those of cnmon.txt beside this folder.
 *
 * Macros: INIT (what cndevInit answers), MIM and SMLU (card 0 is cut up), SICK (states other than good), LYING (figures
 * that cannot be), CROWD (too many cards), NO_POWER and NO_LINKS (a library without those symbols), OLD (the older
 * question for health, and none for slices).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef INIT
#define INIT 0
#endif
#define CARDS 8
#define VERSION 6
#define WRONG_ARGUMENT 2
#define WRONG_VERSION 8
#define NOT_SUPPORTED 10

typedef int32_t cndevDevice_t;
typedef int cndevRet_t;

typedef struct { int32_t version; uint32_t number; } cndevCardInfo_t;
typedef struct { int32_t version; uint8_t uuid[37]; uint64_t ncsUUID64; } cndevUUID_t;
typedef struct {
    int64_t physicalMemoryTotal;
    int64_t physicalMemoryUsed;
    int64_t reservedMemory;
    int64_t virtualMemoryTotal;
    int64_t virtualMemoryUsed;
    uint64_t globalMemory;
    uint64_t reserved[16];
} cndevMemoryInfoV2_t;
typedef struct {
    int32_t version;
    uint32_t mcuMajorVersion;
    uint32_t mcuMinorVersion;
    uint32_t mcuBuildVersion;
    uint32_t driverMajorVersion;
    uint32_t driverMinorVersion;
    uint32_t driverBuildVersion;
} cndevVersionInfo_t;
typedef struct {
    int32_t usage;
    int32_t cap;
    int32_t machine;
    int32_t tdp;
    int32_t maxPower;
    int32_t reserved[16];
} cndevDevicePowerInfo_t;
typedef struct {
    int32_t version;
    int32_t board;
    int32_t cluster[20];
    int32_t memoryDie[8];
    int32_t chip;
    int32_t airInlet;
    int32_t airOutlet;
    int32_t memory;
    int32_t videoInput;
    int32_t cpu;
    int32_t isp;
} cndevTemperatureInfo_t;
typedef struct { int32_t version; int32_t averageCoreUtilization; int32_t coreUtilization[80]; } cndevUtilizationInfo_t;
typedef struct {
    uint32_t subsystemId;
    uint32_t deviceId;
    uint16_t vendor;
    uint16_t subsystemVendor;
    uint32_t domain;
    uint32_t bus;
    uint32_t device;
    uint32_t function;
    uint16_t moduleId;
    uint16_t slotId;
    uint32_t reserved[8];
} cndevPCIeInfoV2_t;
typedef enum { CNDEV_FEATURE_DISABLED, CNDEV_FEATURE_ENABLED } cndevEnableStatusEnum_t;
typedef struct { int32_t version; cndevEnableStatusEnum_t mimMode; } cndevMimMode_t;
typedef struct {
    int system;
    int health;
    struct {
        char msg[512];
        uint32_t device_id;
        uint32_t bdf;
        int code;
        uint32_t category;
        uint32_t severity;
    } error;
} cndevIncidentInfo_t;
typedef struct {
    int32_t health;
    int deviceState;
    int driverState;
    int overallHealth;
    uint32_t incident_count;
    cndevIncidentInfo_t incidents[64];
    uint32_t reserved[8];
} cndevCardHealthStateV2_t;
typedef struct { int32_t version; int32_t health; int deviceState; int driverState; } cndevCardHealthState_t;
typedef struct {
    int32_t version;
    uint32_t volatileSramEccSbeCounter;
    uint32_t volatileSramEccDbeCounter;
    uint32_t volatileSramEccParityCounter;
    uint32_t volatileDramEccSbeCounter;
    uint32_t volatileDramEccDbeCounter;
    uint64_t aggregateDramEccSbeCounter;
    uint64_t aggregateDramEccDbeCounter;
    uint64_t aggregateSramEccSbeCounter;
    uint64_t aggregateSramEccDbeCounter;
    uint64_t aggregateSramEccParityCounter;
    bool aggregateSramEccThresholdExceeded;
    uint64_t reserved[11];
} cndevMemEccCounter_t;
typedef struct {
    int macState;
    int serdesState;
    int presenceState;
    uint32_t serdesProgress;
    uint32_t reserved[7];
} cndevMLULinkStatusV2_t;
typedef struct {
    int32_t version;
    uint64_t mcSn;
    uint64_t baSn;
    uint32_t slotId;
    uint32_t portId;
    uint8_t devIp[16];
    uint8_t uuid[37];
    uint32_t devIpVersion;
    uint32_t isIpValid;
    int32_t connectType;
    uint64_t ncsUUID64;
    uint8_t mac_addr[6];
    char port_name[256];
} cndevMLULinkRemoteInfo_t;
typedef struct { int32_t version; float speedValue; int speedFormat; } cndevMLULinkSpeed_t;
typedef struct { int32_t version; int32_t start; int32_t size; } cndevMluInstancePlacement_t;
typedef struct {
    int32_t version;
    cndevDevice_t parentDevice;
    int32_t instanceId;
    int32_t profileId;
    uint8_t uuid[37];
    int32_t domain;
    int32_t bus;
    int32_t device;
    int32_t function;
    cndevMluInstancePlacement_t placement;
    int32_t mluCoreCount;
    int32_t vpuCount;
    int32_t jpuCount;
    int32_t gdmaCount;
    int32_t memorySize;
    char profileName[100];
    char devNodeName[100];
    char ipcmDevNodeName[100];
    char instanceName[100];
    uint32_t reserved[128];
} cndevMluInstanceInfo_t;
typedef struct {
    int32_t version;
    int32_t profileId;
    int32_t instanceId;
    uint8_t uuid[37];
    int32_t domain;
    int32_t bus;
    int32_t device;
    int32_t function;
    char profileName[100];
    char instanceName[100];
    char devNodeName[100];
    uint32_t mluQuota[2];
    uint64_t memorySize[2];
    uint32_t reserved[128];
} cndevSMluInfo_t;

unsigned long abi_size(const char *name)
{
    static const struct { const char *name; unsigned long size; } sizes[] = {
        {"CardCount", sizeof(cndevCardInfo_t)},
        {"Uuid", sizeof(cndevUUID_t)},
        {"MemoryV2", sizeof(cndevMemoryInfoV2_t)},
        {"Versions", sizeof(cndevVersionInfo_t)},
        {"Power", sizeof(cndevDevicePowerInfo_t)},
        {"Temperatures", sizeof(cndevTemperatureInfo_t)},
        {"Utilization", sizeof(cndevUtilizationInfo_t)},
        {"PcieV2", sizeof(cndevPCIeInfoV2_t)},
        {"Mode", sizeof(cndevMimMode_t)},
        {"Incident", sizeof(cndevIncidentInfo_t)},
        {"HealthV2", sizeof(cndevCardHealthStateV2_t)},
        {"Health", sizeof(cndevCardHealthState_t)},
        {"EccCounter", sizeof(cndevMemEccCounter_t)},
        {"LinkStatusV2", sizeof(cndevMLULinkStatusV2_t)},
        {"LinkRemote", sizeof(cndevMLULinkRemoteInfo_t)},
        {"LinkSpeed", sizeof(cndevMLULinkSpeed_t)},
        {"Placement", sizeof(cndevMluInstancePlacement_t)},
        {"MimInstance", sizeof(cndevMluInstanceInfo_t)},
        {"SmluInstance", sizeof(cndevSMluInfo_t)},
    };
    for (unsigned long i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (strcmp(sizes[i].name, name) == 0)
            return sizes[i].size;
    return 0;
}

static const unsigned int buses[CARDS] = {0x16, 0x2a, 0x3d, 0x4e, 0x98, 0xa9, 0xbb, 0xcd};

/* Handles that are no indices, so that a module which mixes them up gets an error. */
#define HANDLE(index) (100 + (index))
#define INDEX(handle) ((handle) - 100)
#define CHECKED(structure, handle)                            \
    do {                                                      \
        if (INDEX(handle) < 0 || INDEX(handle) >= CARDS)      \
            return WRONG_ARGUMENT;                            \
        if ((structure)->version != VERSION)                  \
            return WRONG_VERSION;                             \
    } while (0)
#define KNOWN(handle)                                         \
    do {                                                      \
        if (INDEX(handle) < 0 || INDEX(handle) >= CARDS)      \
            return WRONG_ARGUMENT;                            \
    } while (0)

static void write_uuid(uint8_t *uuid, int index)
{
    snprintf((char *)uuid, 37, "%08d-1914-0000-0000-000000000000", index);
}

cndevRet_t cndevInit(int reserved)
{
    return reserved ? WRONG_ARGUMENT : INIT;
}

cndevRet_t cndevGetDeviceCount(cndevCardInfo_t *cardNum)
{
    if (cardNum->version != VERSION)
        return WRONG_VERSION;
#ifdef CROWD
    cardNum->number = 70000;
#else
    cardNum->number = CARDS;
#endif
    return 0;
}

cndevRet_t cndevGetDeviceHandleByIndex(int index, cndevDevice_t *handle)
{
    *handle = HANDLE(index);
    return 0;
}

const char *cndevGetCardNameStringByDevId(cndevDevice_t device)
{
    return INDEX(device) < CARDS ? "MLU590-M9" : NULL;
}

cndevRet_t cndevGetUUID(cndevUUID_t *uuidInfo, cndevDevice_t device)
{
    CHECKED(uuidInfo, device);
    write_uuid(uuidInfo->uuid, INDEX(device));
    return 0;
}

cndevRet_t cndevGetMemoryUsageV2(cndevMemoryInfoV2_t *memInfo, cndevDevice_t device)
{
    KNOWN(device);
    memset(memInfo, 0, sizeof(*memInfo));
    memInfo->physicalMemoryTotal = 98304;
    memInfo->physicalMemoryUsed = 2048;
#ifdef LYING
    memInfo->physicalMemoryUsed = -1;
#endif
    return 0;
}

cndevRet_t cndevGetVersionInfo(cndevVersionInfo_t *versInfo, cndevDevice_t device)
{
    CHECKED(versInfo, device);
    versInfo->mcuMajorVersion = 1;
    versInfo->mcuMinorVersion = 5;
    versInfo->driverMajorVersion = 6;
    versInfo->driverMinorVersion = 2;
    versInfo->driverBuildVersion = 29;
    return 0;
}

#ifndef NO_POWER
cndevRet_t cndevGetDevicePowerInfo(cndevDevicePowerInfo_t *powerInfo, cndevDevice_t device)
{
    KNOWN(device);
    powerInfo->usage = 80 + INDEX(device);
    powerInfo->cap = 550;
#ifdef LYING
    powerInfo->usage = 100000;
    powerInfo->cap = -1;
#endif
    return 0;
}
#endif

cndevRet_t cndevGetTemperatureInfo(cndevTemperatureInfo_t *tempInfo, cndevDevice_t device)
{
    CHECKED(tempInfo, device);
    tempInfo->board = 30;
    tempInfo->chip = 35 + INDEX(device);
#ifdef LYING
    tempInfo->chip = -2147483647;
#endif
    return 0;
}

cndevRet_t cndevGetDeviceUtilizationInfo(cndevUtilizationInfo_t *utilInfo, cndevDevice_t device)
{
    CHECKED(utilInfo, device);
    utilInfo->averageCoreUtilization = 12;
#ifdef LYING
    utilInfo->averageCoreUtilization = 1200;
#endif
    return 0;
}

cndevRet_t cndevGetPCIeInfoV2(cndevPCIeInfoV2_t *deviceInfo, cndevDevice_t device)
{
    KNOWN(device);
    memset(deviceInfo, 0, sizeof(*deviceInfo));
    deviceInfo->vendor = 0xcabc;
    deviceInfo->deviceId = 0x0590;
    deviceInfo->domain = DOMAIN;
    deviceInfo->bus = buses[INDEX(device)];
    return 0;
}

cndevRet_t cndevGetComputeCapability(unsigned int *major, unsigned int *minor, cndevDevice_t device)
{
    KNOWN(device);
    *major = 5;
    *minor = 0;
    return 0;
}

#ifdef OLD
cndevRet_t cndevGetCardHealthState(cndevCardHealthState_t *cardHealthState, cndevDevice_t device)
{
    CHECKED(cardHealthState, device);
    cardHealthState->health = 1;
    cardHealthState->deviceState = INDEX(device) != 2;
    cardHealthState->driverState = 4;
    return 0;
}
#else
cndevRet_t cndevGetCardHealthStateV2(cndevCardHealthStateV2_t *cardHealthState, cndevDevice_t device)
{
    KNOWN(device);
    memset(cardHealthState, 0, sizeof(*cardHealthState));
    cardHealthState->health = 1;
    cardHealthState->deviceState = 1;
    cardHealthState->driverState = 4;
#ifdef SICK
    if (INDEX(device) == 1 || INDEX(device) == 2) {
        cardHealthState->overallHealth = INDEX(device) * 10;
        cardHealthState->incident_count = INDEX(device);
        strcpy(cardHealthState->incidents[0].error.msg, "MLU-Link port 3 is down.");
        cardHealthState->incidents[1].error.code = 17;
    }
    if (INDEX(device) == 4)
        cardHealthState->driverState = 1;
    if (INDEX(device) == 5)
        return 999;
#endif
    return 0;
}
#endif

cndevRet_t cndevGetMemEccCounter(cndevMemEccCounter_t *counter, cndevDevice_t device)
{
    CHECKED(counter, device);
    memset(counter, 0, sizeof(*counter));
#ifdef SICK
    if (INDEX(device) == 6)
        counter->volatileDramEccDbeCounter = 2;
#endif
    return 0;
}

#ifndef NO_LINKS
/* Six ports: three to the card whose number differs in the last bit, two to the one that differs in the second, one
 * that is down. */
int cndevGetMLULinkPortNumber(cndevDevice_t device)
{
#ifdef LYING
    return -NOT_SUPPORTED;
#else
    return 6;
#endif
}

cndevRet_t cndevGetMLULinkStatusV2(cndevMLULinkStatusV2_t *status, cndevDevice_t device, int link)
{
    KNOWN(device);
    memset(status, 0, sizeof(*status));
    status->macState = link < 5;
    return 0;
}

cndevRet_t cndevGetMLULinkRemoteInfo(cndevMLULinkRemoteInfo_t *remoteinfo, cndevDevice_t device, int link)
{
    CHECKED(remoteinfo, device);
    write_uuid(remoteinfo->uuid, INDEX(device) ^ (link < 3 ? 1 : 2));
    return 0;
}

cndevRet_t cndevGetMLULinkSpeedInfo(cndevMLULinkSpeed_t *linkspeed, cndevDevice_t device, int link)
{
    CHECKED(linkspeed, device);
    linkspeed->speedValue = link < 3 ? 37.5f : 0;
    return 0;
}
#endif

#ifndef OLD
cndevRet_t cndevGetMimMode(cndevMimMode_t *mode, cndevDevice_t device)
{
    CHECKED(mode, device);
#ifdef MIM
    mode->mimMode = INDEX(device) == 0 ? CNDEV_FEATURE_ENABLED : CNDEV_FEATURE_DISABLED;
    return 0;
#else
    return NOT_SUPPORTED;
#endif
}

cndevRet_t cndevGetSMLUMode(cndevMimMode_t *mode, cndevDevice_t device)
{
    CHECKED(mode, device);
#ifdef SMLU
    mode->mimMode = INDEX(device) == 0 ? CNDEV_FEATURE_ENABLED : CNDEV_FEATURE_DISABLED;
    return 0;
#else
    return NOT_SUPPORTED;
#endif
}

cndevRet_t cndevGetAllMluInstanceInfo(int *miCount, cndevMluInstanceInfo_t *miInfo, cndevDevice_t device)
{
    CHECKED(miInfo, device);
    if (*miCount < 2)
        return 9;
    *miCount = 2;
    for (int i = 0; i < 2; i++) {
        miInfo[i].instanceId = 10 + i;
        snprintf((char *)miInfo[i].uuid, 37, "%08d-0000-0000-0000-00000000000a", i);
        miInfo[i].memorySize = 24576 * (i + 1);
        strcpy(miInfo[i].profileName, i ? "4m.48gb" : "2m.24gb");
        snprintf(miInfo[i].devNodeName, 100, "/dev/cambricon-caps/cap_dev0_mi%d", 2 * i + 1);
        strcpy(miInfo[i].ipcmDevNodeName, "/dev/cambricon_ipcm0");
    }
    return 0;
}

cndevRet_t cndevGetAllSMluInstanceInfo(int *smluCount, cndevSMluInfo_t *smluInfo, cndevDevice_t device)
{
    CHECKED(smluInfo, device);
    if (*smluCount < 1)
        return 9;
    *smluCount = 1;
    smluInfo[0].instanceId = 256;
    strcpy((char *)smluInfo[0].uuid, "00000100-0000-0000-0000-00000000000b");
    strcpy(smluInfo[0].profileName, "30.32gb");
    strcpy(smluInfo[0].devNodeName, "/dev/cambricon-caps/cap_dev0_mi1");
    smluInfo[0].mluQuota[0] = 30;
    smluInfo[0].memorySize[0] = 32ull << 30;
    smluInfo[0].memorySize[1] = 1ull << 30;
    return 0;
}
#endif
