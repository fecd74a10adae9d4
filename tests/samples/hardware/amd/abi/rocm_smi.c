/* A librocm_smi64 of an 8-card node, made by hand: symbols, enums and structures as rocm_smi.h (ROCm 6.2) declares
 * them, https://github.com/ROCm/rocm_smi_lib/blob/rocm-6.2.4/include/rocm_smi/rocm_smi.h. Hygon's copy of that header
 * (published in Project-HAMi/dcu-dcgm) has the same ones. HYGON makes it one of eight
 * K100_AI in place of eight MI300X.
 *
 * Macros: OLD leaves out what ROCm 5 did not have, NO_COUNT what nothing goes without, NO_DRIVER refuses to start,
 * LYING returns figures that cannot be true, SICK breaks cards 1 to 3, PARTITIONED is a node in CPX mode.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#define SUCCESS 0
#define INVALID_ARGS 1
#define NOT_SUPPORTED 2
#define INIT_ERROR 8

#ifdef HYGON
#define CARDS 8
static const uint64_t buses[CARDS] = {0x07, 0x0a, 0x0f, 0x16, 0x1d, 0x20, 0x25, 0x2c};
static const uint64_t ids[CARDS] = {
    0x7100f95cee823041, 0x715322fd7cac4121, 0x7151b6f7e44e2041, 0x71010022e8c648a1,
    0x7151b6f7e45818c1, 0x7151be4ceb721101, 0x7100f9639dd62881, 0x715322f979f21901};
static const int64_t degrees[CARDS] = {60, 62, 63, 61, 63, 65, 63, 60};
static const uint64_t watts[CARDS] = {104, 107, 106, 105, 108, 110, 110, 108};
#define NAME "K100_AI"
#define TOTAL (65520ull << 20)
#define USED (2ull << 20)
#define CAP 400
#define GFX 928
#define LINK 1
#else
#define CARDS 8
static const uint64_t buses[CARDS] = {0x0c, 0x22, 0x38, 0x5c, 0x9f, 0xaf, 0xbf, 0xdf};
static const uint64_t ids[CARDS] = {
    0x0cee36ddc4255115, 0xcfb3160d6c053160, 0x1000000000000002, 0x1000000000000003,
    0x1000000000000004, 0x1000000000000005, 0x1000000000000006, 0x1000000000000007};
static const int64_t degrees[CARDS] = {34, 44, 40, 41, 42, 43, 44, 45};
static const uint64_t watts[CARDS] = {132, 141, 130, 131, 132, 133, 134, 135};
#define NAME "AMD Instinct MI300X OAM"
#define TOTAL (196592ull << 20)
#define USED (284ull << 20)
#define CAP 750
#define GFX 942
#define LINK 2
#endif

typedef struct { uint64_t correctable_err, uncorrectable_err, deferred_err; } rsmi_error_count_t;
typedef enum { RSMI_GPU_BLOCK_UMC = 0x1, RSMI_GPU_BLOCK_RESERVED = 0x8000000000000000 } rsmi_gpu_block_t;

uint32_t sizeof_rsmi_error_count_t = sizeof(rsmi_error_count_t);
uint32_t sizeof_rsmi_gpu_block_t = sizeof(rsmi_gpu_block_t);
static int open_count = 0;

int rsmi_init(uint64_t flags)
{
#ifdef NO_DRIVER
    return INIT_ERROR;
#endif
    open_count++;
    return flags == 0 ? SUCCESS : INVALID_ARGS;
}

int rsmi_shut_down(void) { open_count--; return SUCCESS; }
int fake_open_count(void) { return open_count; }

#ifndef NO_COUNT
int rsmi_num_monitor_devices(uint32_t *count) { *count = CARDS; return SUCCESS; }
#endif

int rsmi_dev_pci_id_get(uint32_t card, uint64_t *bdf)
{
#ifdef PARTITIONED /* the first four are the partitions of one card, with their number in the function's place */
    *bdf = card < 4 ? buses[0] << 8 | card | (uint64_t)card << 28 : buses[card] << 8;
#else
    *bdf = (uint64_t)DOMAIN << 32 | buses[card] << 8;
#endif
    return SUCCESS;
}

static int copy(char *to, size_t length, const char *text)
{
    snprintf(to, length, "%s", text);
    return SUCCESS;
}

int rsmi_dev_name_get(uint32_t card, char *name, size_t length)
{
    return copy(name, length, card == 7 ? "0x74a1" : NAME);
}
int rsmi_dev_unique_id_get(uint32_t card, uint64_t *id) { *id = ids[card]; return SUCCESS; }
int rsmi_version_str_get(int component, char *text, uint32_t length) { return copy(text, length, "6.10.5"); }

int rsmi_dev_memory_total_get(uint32_t card, int type, uint64_t *total)
{
    *total = TOTAL;
    return type == 0 ? SUCCESS : INVALID_ARGS;
}

int rsmi_dev_memory_usage_get(uint32_t card, int type, uint64_t *used)
{
    *used = USED;
#ifdef LYING
    *used = ~0ull;
#endif
    return SUCCESS;
}

int rsmi_dev_busy_percent_get(uint32_t card, uint32_t *percent)
{
    *percent = card * 10;
#ifdef LYING
    *percent = 65535;
#endif
    return SUCCESS;
}

int rsmi_dev_temp_metric_get(uint32_t card, uint32_t sensor, int metric, int64_t *millidegrees)
{
    if (sensor != 1) return NOT_SUPPORTED; /* a MI300 has no edge sensor */
    *millidegrees = metric == 5 ? 105000 : degrees[card] * 1000;
#ifdef LYING
    *millidegrees = -1000;
#endif
#ifdef SICK
    if (card == 3 && metric == 0) *millidegrees = 106000;
#endif
    return SUCCESS;
}

#ifdef OLD
int rsmi_dev_power_ave_get(uint32_t card, uint32_t sensor, uint64_t *microwatts)
#else
int rsmi_dev_power_get(uint32_t card, uint64_t *microwatts, int *type)
#endif
{
    *microwatts = watts[card] * 1000000;
#ifdef LYING
    return NOT_SUPPORTED;
#endif
#ifndef OLD
    *type = 1;
#endif
    return SUCCESS;
}

int rsmi_dev_power_cap_get(uint32_t card, uint32_t sensor, uint64_t *microwatts)
{
    *microwatts = CAP * 1000000ull;
    return SUCCESS;
}

#ifndef OLD
int rsmi_dev_target_graphics_version_get(uint32_t card, uint64_t *version) { *version = GFX; return SUCCESS; }

int rsmi_dev_compute_partition_get(uint32_t card, char *text, uint32_t length)
{
#ifdef HYGON
    return NOT_SUPPORTED;
#endif
#ifdef PARTITIONED
    return copy(text, length, "CPX");
#endif
    return copy(text, length, "SPX");
}
int rsmi_dev_memory_partition_get(uint32_t card, char *text, uint32_t length)
{
#ifdef HYGON
    return NOT_SUPPORTED;
#endif
    return copy(text, length, "NPS1");
}
#endif

int rsmi_dev_ecc_count_get(uint32_t card, rsmi_gpu_block_t block, rsmi_error_count_t *count)
{
    memset(count, 0, sizeof *count);
#ifdef SICK
    if (card == 1 && block == RSMI_GPU_BLOCK_UMC) count->uncorrectable_err = 2;
#endif
    return block == RSMI_GPU_BLOCK_UMC ? SUCCESS : NOT_SUPPORTED;
}

int rsmi_dev_xgmi_error_status(uint32_t card, int *status)
{
    *status = 0;
#ifdef SICK
    *status = card == 2 ? 2 : 0;
#endif
    return SUCCESS;
}

int rsmi_dev_memory_reserved_pages_get(uint32_t card, uint32_t *count, void *records)
{
    *count = 0;
#ifdef SICK
    *count = card == 2 ? 3 : 0;
#endif
    return SUCCESS;
}

int rsmi_topo_get_link_type(uint32_t from, uint32_t to, uint64_t *hops, int *type)
{
    *hops = 1;
    *type = LINK;
    return SUCCESS;
}

int rsmi_minmax_bandwidth_get(uint32_t from, uint32_t to, uint64_t *least, uint64_t *most)
{
    *least = 64000;
    *most = 64000;
    return SUCCESS;
}
