/* A Level Zero loader of eight Data Center GPU Max 1550, made by hand: symbols, structures and codes as zes_api.h and
 * ze_api.h declare them, https://github.com/oneapi-src/level-zero/blob/v1.20.2/include/zes_api.h. Figures are invented.
 *
 * A ninth card is the processor's own GPU. Macros: NO_INIT leaves out zesInit (loaders before 1.5), NO_DRIVER refuses
 * to start, LEAN answers only what every driver does, LYING returns figures that cannot be true, SICK breaks cards 1
 * to 5.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#define CARDS 8
#define ALL (CARDS + 1)
#define SUCCESS 0
#define UNINITIALIZED 0x78000001
#define UNSUPPORTED 0x78000003
#define INVALID_ENUMERATION 0x7800000c

typedef int ze_result_t;
typedef uint8_t ze_bool_t;
typedef void *handle_t;

typedef struct { uint8_t id[16]; } ze_device_uuid_t;
typedef struct {
    int stype; void *pNext; int type;
    uint32_t vendorId, deviceId, flags, subdeviceId, coreClockRate;
    uint64_t maxMemAllocSize;
    uint32_t maxHardwareContexts, maxCommandQueuePriority, numThreadsPerEU, physicalEUSimdWidth, numEUsPerSubslice;
    uint32_t numSubslicesPerSlice, numSlices;
    uint64_t timerResolution;
    uint32_t timestampValidBits, kernelTimestampValidBits;
    ze_device_uuid_t uuid;
    char name[256];
} ze_device_properties_t;
typedef struct {
    int stype; void *pNext; ze_device_properties_t core; uint32_t numSubdevices;
    char serialNumber[64], boardNumber[64], brandName[64], modelName[64], vendorName[64], driverVersion[64];
} zes_device_properties_t;
typedef struct { uint32_t domain, bus, device, function; } zes_pci_address_t;
typedef struct { int32_t gen, width; int64_t maxBandwidth; } zes_pci_speed_t;
typedef struct {
    int stype; void *pNext; zes_pci_address_t address; zes_pci_speed_t maxSpeed;
    ze_bool_t haveBandwidthCounters, havePacketCounters, haveReplayCounters;
} zes_pci_properties_t;
typedef struct { int stype; const void *pNext; uint32_t reset; int repaired; } zes_device_state_t;
typedef struct {
    int stype; void *pNext; int type; ze_bool_t onSubdevice; uint32_t subdeviceId; int location;
    uint64_t physicalSize; int32_t busWidth, numChannels;
} zes_mem_properties_t;
typedef struct { int stype; const void *pNext; int health; uint64_t free, size; } zes_mem_state_t;
typedef struct {
    int stype; void *pNext; ze_bool_t onSubdevice; uint32_t subdeviceId; ze_bool_t canControl;
    ze_bool_t isEnergyThresholdSupported; int32_t defaultLimit, minLimit, maxLimit;
} zes_power_properties_t;
typedef struct { uint64_t energy, timestamp; } zes_power_energy_counter_t;
typedef struct { ze_bool_t enabled; int32_t power, interval; } zes_power_sustained_limit_t;
typedef struct { int stype; void *pNext; int type; ze_bool_t onSubdevice; uint32_t subdeviceId; } zes_engine_properties_t;
typedef struct { uint64_t activeTime, timestamp; } zes_engine_stats_t;
typedef struct {
    int stype; void *pNext; int type; ze_bool_t onSubdevice; uint32_t subdeviceId; double maxTemperature;
    ze_bool_t isCriticalTempSupported, isThreshold1Supported, isThreshold2Supported;
} zes_temp_properties_t;
typedef struct {
    int stype; const void *pNext; double currentVoltage, request, tdp, efficient, actual; uint32_t throttleReasons;
} zes_freq_state_t;
typedef struct { int stype; void *pNext; int type; ze_bool_t onSubdevice; uint32_t subdeviceId; } zes_ras_properties_t;
typedef struct { int stype; const void *pNext; uint64_t category[7]; } zes_ras_state_t;
typedef struct { uint32_t fabricId, attachId; uint8_t portNumber; } zes_fabric_port_id_t;
typedef struct { int64_t bitRate; int32_t width; } zes_fabric_port_speed_t;
typedef struct {
    int stype; void *pNext; char model[256]; ze_bool_t onSubdevice; uint32_t subdeviceId; zes_fabric_port_id_t portId;
    zes_fabric_port_speed_t maxRxSpeed, maxTxSpeed;
} zes_fabric_port_properties_t;
typedef struct {
    int stype; const void *pNext; int status; uint32_t qualityIssues, failureReasons;
    zes_fabric_port_id_t remotePortId; zes_fabric_port_speed_t rxSpeed, txSpeed;
} zes_fabric_port_state_t;

#define SIZE(type) uint32_t sizeof_##type = sizeof(type)
SIZE(ze_device_properties_t);
SIZE(zes_device_properties_t);
SIZE(zes_pci_properties_t);
SIZE(zes_device_state_t);
SIZE(zes_mem_properties_t);
SIZE(zes_mem_state_t);
SIZE(zes_power_properties_t);
SIZE(zes_power_energy_counter_t);
SIZE(zes_engine_stats_t);
SIZE(zes_power_sustained_limit_t);
SIZE(zes_engine_properties_t);
SIZE(zes_temp_properties_t);
SIZE(zes_freq_state_t);
SIZE(zes_ras_properties_t);
SIZE(zes_ras_state_t);
SIZE(zes_fabric_port_properties_t);
SIZE(zes_fabric_port_state_t);

/* A handle is an address in this table: its row is the card, its column the part of the card. */
static char parts[ALL][16];
static char driver;
static const uint32_t buses[CARDS] = {0x18, 0x2a, 0x3a, 0x4d, 0x9a, 0xaa, 0xba, 0xca};
static uint64_t ticks = 1000000;

static int card(handle_t part) { return (int)(((char *)part - &parts[0][0]) / 16); }
static int column(handle_t part) { return (int)(((char *)part - &parts[0][0]) % 16); }

static ze_result_t list(handle_t parent, uint32_t *count, handle_t *handles, int amount)
{
    if (handles)
        for (int i = 0; i < amount && i < (int)*count; i++) handles[i] = &parts[card(parent)][i];
    *count = amount;
    return SUCCESS;
}

#ifndef NO_INIT
ze_result_t zesInit(uint32_t flags)
{
#ifdef NO_DRIVER
    return UNINITIALIZED;
#endif
    return SUCCESS;
}
#endif

ze_result_t zesDriverGet(uint32_t *count, handle_t *drivers)
{
    if (drivers) drivers[0] = &driver;
    *count = 1;
    return SUCCESS;
}

ze_result_t zesDeviceGet(handle_t from, uint32_t *count, handle_t *devices)
{
    if (devices)
        for (int i = 0; i < ALL && i < (int)*count; i++) devices[i] = &parts[i][0];
    *count = ALL;
    return SUCCESS;
}

ze_result_t zesDeviceGetProperties(handle_t device, zes_device_properties_t *about)
{
    if (about->stype != 0x1) return INVALID_ENUMERATION;
    static const uint8_t id[16] = {0x86, 0x80, 0xd5, 0x0b, 0x2f, 0, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0x01};
    memcpy(about->core.uuid.id, id, 16);
    about->core.uuid.id[8] = card(device) < CARDS ? buses[card(device)] : 0;
    about->core.vendorId = 0x8086;
    about->core.deviceId = 0x0bd5;
    about->core.flags = card(device) == CARDS;
    strcpy(about->core.name, "Intel(R) Data Center GPU Max 1550");
    strcpy(about->driverVersion, "25.18.33578");
    return SUCCESS;
}

ze_result_t zesDevicePciGetProperties(handle_t device, zes_pci_properties_t *pci)
{
    if (pci->stype != 0x2) return INVALID_ENUMERATION;
    pci->address.domain = DOMAIN;
    pci->address.bus = card(device) < CARDS ? buses[card(device)] : 0;
    pci->address.device = card(device) < CARDS ? 0 : 2;
    pci->address.function = 0;
    return SUCCESS;
}

ze_result_t zesDeviceEnumMemoryModules(handle_t device, uint32_t *count, handle_t *modules)
{   /* one per tile */
    return list(device, count, modules, 2);
}

ze_result_t zesMemoryGetProperties(handle_t module, zes_mem_properties_t *about)
{
    if (about->stype != 0xb) return INVALID_ENUMERATION;
    about->location = 1;
    about->onSubdevice = 1;
    about->subdeviceId = column(module);
    about->physicalSize = 64ull << 30;
    return SUCCESS;
}

ze_result_t zesMemoryGetState(handle_t module, zes_mem_state_t *state)
{
    if (state->stype != 0x1e) return INVALID_ENUMERATION;
    state->size = 64ull << 30;
    state->free = 63ull << 30;
    state->health = 1;
#ifdef LYING
    state->free = ~0ull >> 1;
#endif
#ifdef SICK
    if (card(module) == 2 && column(module) == 1) state->health = 4;
    if (card(module) == 3) state->health = 2;
#endif
    return SUCCESS;
}

ze_result_t zesDeviceEnumTemperatureSensors(handle_t device, uint32_t *count, handle_t *sensors)
{
    return list(device, count, sensors, 3);
}

ze_result_t zesTemperatureGetProperties(handle_t sensor, zes_temp_properties_t *about)
{
    if (about->stype != 0x14) return INVALID_ENUMERATION;
    about->type = column(sensor); /* the whole card, the GPU, its memory */
    about->maxTemperature = 105;
    return SUCCESS;
}

ze_result_t zesTemperatureGetState(handle_t sensor, double *celsius)
{
    *celsius = 40.5 + card(sensor) + column(sensor);
#ifdef LYING
    *celsius = -1;
#endif
    return SUCCESS;
}

#ifndef LEAN
ze_result_t zesDeviceEnumPowerDomains(handle_t device, uint32_t *count, handle_t *domains)
{   /* a tile's first, then the card's */
    return list(device, count, domains, 2);
}

ze_result_t zesPowerGetProperties(handle_t domain, zes_power_properties_t *about)
{
    if (about->stype != 0xd) return INVALID_ENUMERATION;
    about->onSubdevice = column(domain) == 0;
    about->defaultLimit = 600000;
    return SUCCESS;
}

ze_result_t zesPowerGetEnergyCounter(handle_t domain, zes_power_energy_counter_t *energy)
{   /* 120 W for card 0, one more for each */
    ticks += 50000;
    energy->timestamp = ticks;
    energy->energy = ticks * (120 + card(domain));
#ifdef LYING
    energy->energy = ticks * 65535;
#endif
    return column(domain) == 1 ? SUCCESS : UNSUPPORTED;
}

ze_result_t zesPowerGetLimits(handle_t domain, zes_power_sustained_limit_t *sustained, void *burst, void *peak)
{
    sustained->enabled = card(domain) != 1;
    sustained->power = 550000;
    return SUCCESS;
}

ze_result_t zesDeviceEnumEngineGroups(handle_t device, uint32_t *count, handle_t *engines)
{
    return list(device, count, engines, 3);
}

ze_result_t zesEngineGetProperties(handle_t engine, zes_engine_properties_t *about)
{
    if (about->stype != 0x5) return INVALID_ENUMERATION;
    about->type = (int[]){4, 0, 1}[column(engine)]; /* one compute engine, all, all of compute */
    return SUCCESS;
}

ze_result_t zesEngineGetActivity(handle_t engine, zes_engine_stats_t *stats)
{   /* a quarter busy */
    ticks += 50000;
    stats->timestamp = ticks;
    stats->activeTime = ticks / 4;
#ifdef LYING
    stats->activeTime = ticks * 700;
#endif
    return column(engine) == 1 ? SUCCESS : UNSUPPORTED;
}

ze_result_t zesDeviceGetState(handle_t device, zes_device_state_t *state)
{
    if (state->stype != 0x15) return INVALID_ENUMERATION;
    state->reset = 0;
#ifdef SICK
    state->reset = card(device) == 1 ? 1 : 0;
#endif
    return SUCCESS;
}

ze_result_t zesDeviceEnumRasErrorSets(handle_t device, uint32_t *count, handle_t *groups)
{
    return list(device, count, groups, 2);
}

ze_result_t zesRasGetProperties(handle_t group, zes_ras_properties_t *about)
{
    if (about->stype != 0xf) return INVALID_ENUMERATION;
    about->type = column(group); /* corrected, uncorrected */
    return SUCCESS;
}

ze_result_t zesRasGetState(handle_t group, ze_bool_t clear, zes_ras_state_t *state)
{
    if (state->stype != 0x22) return INVALID_ENUMERATION;
    memset(state->category, 0, sizeof state->category);
    state->category[3] = column(group) == 0 ? 900 : 0;
#ifdef SICK
    if (card(group) == 4 && column(group) == 1) { state->category[5] = 2; state->category[0] = 3; }
#endif
    return clear ? INVALID_ENUMERATION : SUCCESS;
}

ze_result_t zesDeviceEnumFrequencyDomains(handle_t device, uint32_t *count, handle_t *domains)
{
    return list(device, count, domains, 2);
}

ze_result_t zesFrequencyGetState(handle_t domain, zes_freq_state_t *state)
{
    if (state->stype != 0x1b) return INVALID_ENUMERATION;
    state->throttleReasons = 0x1; /* the power cap, a card's daily life */
#ifdef SICK
    if (card(domain) == 5) state->throttleReasons = 0x8;
#endif
    return SUCCESS;
}

ze_result_t zesDeviceEnumFabricPorts(handle_t device, uint32_t *count, handle_t *ports)
{   /* two to each other card, the last to its own other tile */
    if (card(device) == CARDS) { *count = 0; return SUCCESS; }
    return list(device, count, ports, 2 * (CARDS - 1) + 1);
}

ze_result_t zesFabricPortGetProperties(handle_t port, zes_fabric_port_properties_t *about)
{
    if (about->stype != 0x6) return INVALID_ENUMERATION;
    strcpy(about->model, "XeLink");
    about->portId.fabricId = 100 + card(port);
    about->portId.portNumber = column(port);
    return SUCCESS;
}

ze_result_t zesFabricPortGetState(handle_t port, zes_fabric_port_state_t *state)
{
    if (state->stype != 0x19) return INVALID_ENUMERATION;
    int step = column(port) / 2 + 1;
    state->status = 1;
    state->remotePortId.fabricId = 100 + (card(port) + (column(port) == 14 ? 0 : step)) % CARDS;
    state->txSpeed.bitRate = 212000000000;
#ifdef SICK
    if (card(port) == 5 && column(port) < 3) state->status = 3;
#endif
    return SUCCESS;
}
#endif
