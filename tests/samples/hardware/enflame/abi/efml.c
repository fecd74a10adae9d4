/* Eight Enflame S60 behind libefml's interface, for tests of the ctypes layer. Written by hand; no part of Enflame's.
 *
 * Symbols, prototypes, structures and codes: efml.h, two versions of which are published with programs that use it (the
 * older has Esl ports and EfmlGetDevTemp). The figures are those of q.txt beside this folder.
 *
 * Macros: INIT (what EfmlInit answers), OLD (the older version's symbols), BOTH (a library of both, with an older
 * chip), VGCU and SRIOV (card 0 is cut up), SICK (cards that are not well), LYING (figures that cannot be), CROWD (too many
 * cards), NO_POWER (a library without it).
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
#define INVALID 1
#define NOT_SUPPORTED 3

typedef int efmlReturn_t;

typedef struct {
    char name[128];
    uint32_t vendor_id;
    uint32_t device_id;
    uint32_t domain_id;
    uint32_t bus_id;
    uint32_t dev_id;
    uint32_t func_id;
    uint32_t logic_id;
} efmlDeviceInfo_t;
typedef struct { float pwr_capability; float cur_pwr_consumption; } efmlDevPowerInfo_t;
typedef struct { uint64_t mem_total_size; uint32_t mem_used; } efmlDevMemInfo_t;
typedef struct { float cur_dev_temp; float cur_hbm0_temp; float cur_hbm1_temp; } efmlDevThermalInfo_t;
typedef struct {
    bool enabled;
    bool pending;
    bool pdblack;
    uint32_t ecnt_sb;
    uint32_t ecnt_db;
} efmlEccStatus_t;
typedef struct { bool is_supported_rma; bool flags; } efmlRmaStatus_t;
typedef struct {
    uint32_t connected;
    char uuid[16];
    uint32_t vendor_id;
    uint32_t device_id;
    uint32_t domain_id;
    uint32_t bus_id;
    uint32_t dev_id;
    uint32_t func_id;
    uint32_t port_id;
    int port_type;
    uint32_t remote_card_id;
    char remote_uuid[16];
    uint32_t remote_vendor_id;
    uint32_t remote_device_id;
    uint32_t remote_domain_id;
    uint32_t remote_bus_id;
    uint32_t remote_dev_id;
    uint32_t remote_func_id;
    uint32_t remote_port_id;
    int remote_port_type;
} efmlPortInfo_t;

unsigned long abi_size(const char *name)
{
    static const struct { const char *name; unsigned long size; } sizes[] = {
        {"DeviceFacts", sizeof(efmlDeviceInfo_t)},
        {"Power", sizeof(efmlDevPowerInfo_t)},
        {"MemoryInUse", sizeof(efmlDevMemInfo_t)},
        {"Temperatures", sizeof(efmlDevThermalInfo_t)},
        {"EccStatus", sizeof(efmlEccStatus_t)},
        {"RmaStatus", sizeof(efmlRmaStatus_t)},
        {"PortFacts", sizeof(efmlPortInfo_t)},
    };
    for (unsigned long i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (strcmp(sizes[i].name, name) == 0)
            return sizes[i].size;
    return 0;
}

static const uint32_t buses[CARDS] = {0x17, 0x2a, 0x3d, 0x50, 0x98, 0xa9, 0xbb, 0xcd};

efmlReturn_t EfmlInit(bool no_driver)
{
    return no_driver ? INVALID : INIT;
}

efmlReturn_t EfmlGetDevCount(uint32_t *count)
{
#ifdef CROWD
    *count = 70000;
#else
    *count = CARDS;
#endif
    return 0;
}

efmlReturn_t EfmlGetDriverVer(char *version)
{
    strcpy(version, "1.4.3.4");
    return 0;
}

efmlReturn_t EfmlGetDevInfo(uint32_t dev_idx, efmlDeviceInfo_t *info)
{
    if (dev_idx >= CARDS)
        return INVALID;
    memset(info, 0, sizeof(*info));
    strcpy(info->name, "S60");
    info->vendor_id = 0x1e36;
    info->device_id = 0xc035;
    info->domain_id = DOMAIN;
    info->bus_id = buses[dev_idx];
    info->logic_id = dev_idx;
    return 0;
}

efmlReturn_t EfmlGetDevName(uint32_t dev_idx, char *name)
{
    strcpy(name, "S60");
    return dev_idx < CARDS ? 0 : INVALID;
}

efmlReturn_t EfmlGetDevUuid(uint32_t dev_idx, char *uuid)
{
    sprintf(uuid, "TR6Y4601030%u", dev_idx);
    return dev_idx < CARDS ? 0 : INVALID;
}

efmlReturn_t EfmlGetDevMem(uint32_t dev_idx, efmlDevMemInfo_t *mem)
{
    mem->mem_total_size = 42976;
    mem->mem_used = 512;
#ifdef LYING
    mem->mem_used = 4294967295u;
#endif
    return 0;
}

#ifndef NO_POWER
efmlReturn_t EfmlGetDevPwr(uint32_t dev_idx, efmlDevPowerInfo_t *pwr)
{
    pwr->pwr_capability = 300;
    pwr->cur_pwr_consumption = 96 + (float)dev_idx / 2;
#ifdef LYING
    pwr->pwr_capability = -1;
    pwr->cur_pwr_consumption = 1e9f;
#endif
    return 0;
}
#endif

#ifdef BOTH
efmlReturn_t EfmlGetDevTempV2(uint32_t dev_idx, efmlDevThermalInfo_t *temp)
{
    return NOT_SUPPORTED;
}
#endif
#if defined(OLD) || defined(BOTH)
efmlReturn_t EfmlGetDevTemp(uint32_t dev_idx, efmlDevThermalInfo_t *temp)
#else
efmlReturn_t EfmlGetDevTempV2(uint32_t dev_idx, efmlDevThermalInfo_t *temp)
#endif
{
    temp->cur_dev_temp = 35 + (float)dev_idx;
    temp->cur_hbm0_temp = 50;
#ifdef LYING
    temp->cur_dev_temp = -1e9f;
#endif
    return 0;
}

efmlReturn_t EfmlGetDevDtuUsage(uint32_t dev_idx, float *data)
{
    *data = 12.5f;
#ifdef LYING
    *data = __builtin_nanf("");
#endif
    return 0;
}

efmlReturn_t EfmlGetDevHealth(uint32_t dev_idx, bool *health)
{
    *health = true;
#ifdef SICK
    *health = dev_idx != 2;
    if (dev_idx == 5)
        return 999;
#endif
    return 0;
}

efmlReturn_t EfmlGetDevEccStatus(uint32_t dev_idx, efmlEccStatus_t *status)
{
    memset(status, 0, sizeof(*status));
    status->enabled = true;
    status->ecnt_sb = 1;
#ifdef SICK
    status->ecnt_db = dev_idx == 3 ? 7 : 0;
#endif
    return 0;
}

efmlReturn_t EfmlGetDevRmaStatus(uint32_t dev_idx, efmlRmaStatus_t *status)
{
    status->is_supported_rma = true;
    status->flags = false;
#ifdef SICK
    status->flags = dev_idx == 4;
#endif
    return 0;
}

/* Four ports: two to the card whose number differs in the last bit, one to the one that differs in the second, one that
 * is not connected. */
#ifdef OLD
#define PORT_NUM EfmlGetEslPortNum
#define PORT_INFO EfmlGetEslPortInfo
#else
#define PORT_NUM EfmlGetGcuLarePortNum
#define PORT_INFO EfmlGetGcuLarePortInfo
#endif
efmlReturn_t PORT_NUM(uint32_t dev_idx, uint32_t *count)
{
    *count = 4;
#ifdef LYING
    *count = 4000000000u;
#endif
    return 0;
}

efmlReturn_t PORT_INFO(uint32_t dev_idx, uint32_t port_id, efmlPortInfo_t *info)
{
    if (port_id >= 4)
        return INVALID;
    memset(info, 0, sizeof(*info));
    info->connected = port_id < 3;
    info->remote_domain_id = DOMAIN;
    info->remote_bus_id = buses[dev_idx ^ (port_id < 2 ? 1 : 2)];
#ifdef LYING
    info->remote_bus_id = 0xff;
#endif
    return 0;
}

#ifndef OLD
efmlReturn_t EfmlGetHwArchName(uint32_t dev_idx, char *name)
{
#ifdef BOTH
    strcpy(name, "GCU200");
#else
    strcpy(name, "GCU300");
#endif
    return 0;
}

efmlReturn_t EfmlGetGcuVirtStatus(uint32_t dev_idx, int *mode)
{
#if defined(VGCU)
    *mode = dev_idx == 0;
#elif defined(SRIOV)
    *mode = dev_idx == 0 ? 3 : 0;
#else
    *mode = 0;
#endif
    return 0;
}

efmlReturn_t EfmlGetVdevList(uint32_t dev_idx, uint32_t *list, uint32_t *count)
{
#ifdef VGCU
    list[0] = 1;
    list[1] = 2;
    *count = 2;
    return 0;
#else
    return NOT_SUPPORTED;
#endif
}

efmlReturn_t EfmlGetVdevMem(uint32_t dev_idx, uint32_t vdev_idx, efmlDevMemInfo_t *mem)
{
    mem->mem_total_size = 10240 * vdev_idx;
    mem->mem_used = 0;
    return 0;
}
#endif
