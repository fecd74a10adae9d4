/* Eight Ascend 910B3 behind libdcmi's interface, for tests of the ctypes layer. Written by hand; no part of Ascend's.
 *
 * Symbols, prototypes, structures and codes: dcmi_interface_api.h of Ascend's mind-cluster (devmanager) and of
 * ascend-docker-runtime, both Apache 2.0. The figures are those of info.txt beside this folder.
 *
 * Macros: INIT (what dcmi_init answers), TWO_DIES (four 910C cards of two chips each), PHYSICAL_FROM (the physical id
 * of logic id 0), VNPU (chip 0 is cut in two), SICK (faults), LYING (figures that cannot be), CROWD (too many cards),
 * NO_POWER (a library without that symbol), DDR (a 310P without HBM), OLD (symbols of older drivers).
 */
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#ifndef INIT
#define INIT 0
#endif
#ifndef PHYSICAL_FROM
#define PHYSICAL_FROM 0
#endif
#ifdef TWO_DIES
#define CHIPS 2
#else
#define CHIPS 1
#endif
#define CARDS (8 / CHIPS)
#define NOT_PERMITTED (-8002)
#define NOT_SUPPORTED (-8255)
#define MISSING (-8008)

struct dcmi_chip_info {
    unsigned char chip_type[32];
    unsigned char chip_name[32];
    unsigned char chip_ver[32];
    unsigned int aicore_cnt;
};
struct dcmi_chip_info_v2 {
    unsigned char chip_type[32];
    unsigned char chip_name[32];
    unsigned char chip_ver[32];
    unsigned int aicore_cnt;
    unsigned char npu_name[32];
};
struct dcmi_pcie_info_all {
    unsigned int venderid;
    unsigned int subvenderid;
    unsigned int deviceid;
    unsigned int subdeviceid;
    int domain;
    unsigned int bdf_busid;
    unsigned int bdf_deviceid;
    unsigned int bdf_funcid;
    unsigned char reserve[32];
};
struct dcmi_die_id {
    unsigned int soc_die[5];
};
struct dcmi_hbm_info {
    unsigned long long memory_size;
    unsigned int freq;
    unsigned long long memory_usage;
    int temp;
    unsigned int bandwith_util_rate;
};
struct dcmi_get_memory_info_stru {
    unsigned long long memory_size;
    unsigned long long memory_available;
    unsigned int freq;
    unsigned long hugepagesize;
    unsigned long hugepages_total;
    unsigned long hugepages_free;
    unsigned int utiliza;
    unsigned char reserve[60];
};
struct dcmi_ecc_info {
    int enable_flag;
    unsigned int single_bit_error_cnt;
    unsigned int double_bit_error_cnt;
    unsigned int total_single_bit_error_cnt;
    unsigned int total_double_bit_error_cnt;
    unsigned int single_bit_isolated_pages_cnt;
    unsigned int double_bit_isolated_pages_cnt;
    unsigned int single_bit_next_isolated_pages_cnt;
    unsigned int double_bit_next_isolated_pages_cnt;
};
struct dcmi_base_resource {
    unsigned long long token;
    unsigned long long token_max;
    unsigned long long task_timeout;
    unsigned int vfg_id;
    unsigned char vip_mode;
    unsigned char reserved[31];
};
struct dcmi_computing_resource {
    float aic;
    float aiv;
    unsigned short dsa;
    unsigned short rtsq;
    unsigned short acsq;
    unsigned short cdqm;
    unsigned short c_core;
    unsigned short ffts;
    unsigned short sdma;
    unsigned short pcie_dma;
    unsigned long long memory_size;
    unsigned int event_id;
    unsigned int notify_id;
    unsigned int stream_id;
    unsigned int model_id;
    unsigned short topic_schedule_aicpu;
    unsigned short host_ctrl_cpu;
    unsigned short host_aicpu;
    unsigned short device_aicpu;
    unsigned short topic_ctrl_cpu_slot;
    unsigned int vdev_aicore_utilization;
    unsigned long long vdev_memory_total;
    unsigned long long vdev_memory_free;
    unsigned char reserved[12];
};
struct dcmi_media_resource {
    float jpegd;
    float jpege;
    float vpc;
    float vdec;
    float pngd;
    float venc;
    unsigned char reserved[32];
};
struct dcmi_soc_total_resource {
    unsigned int vdev_num;
    unsigned int vdev_id[32];
    unsigned int vfg_num;
    unsigned int vfg_bitmap;
    struct dcmi_base_resource base;
    struct dcmi_computing_resource computing;
    struct dcmi_media_resource media;
};
struct dcmi_vdev_query_info {
    char name[16];
    unsigned int status;
    unsigned int is_container_used;
    unsigned int vfid;
    unsigned int vfg_id;
    unsigned long long container_id;
    struct dcmi_base_resource base;
    struct dcmi_computing_resource computing;
    struct dcmi_media_resource media;
};
struct dcmi_vdev_query_stru {
    unsigned int vdev_id;
    struct dcmi_vdev_query_info query_info;
};

unsigned long abi_size(const char *name)
{
    static const struct { const char *name; unsigned long size; } sizes[] = {
        {"ChipIdentity", sizeof(struct dcmi_chip_info)},
        {"ChipIdentityV2", sizeof(struct dcmi_chip_info_v2)},
        {"PciePlace", sizeof(struct dcmi_pcie_info_all)},
        {"DieId", sizeof(struct dcmi_die_id)},
        {"HbmInUse", sizeof(struct dcmi_hbm_info)},
        {"MemoryInUseV3", sizeof(struct dcmi_get_memory_info_stru)},
        {"EccCounts", sizeof(struct dcmi_ecc_info)},
        {"BaseResource", sizeof(struct dcmi_base_resource)},
        {"ComputingResource", sizeof(struct dcmi_computing_resource)},
        {"MediaResource", sizeof(struct dcmi_media_resource)},
        {"SocTotalResource", sizeof(struct dcmi_soc_total_resource)},
        {"VdevQueried", sizeof(struct dcmi_vdev_query_info)},
        {"VdevQuery", sizeof(struct dcmi_vdev_query_stru)},
    };
    for (unsigned long i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (strcmp(sizes[i].name, name) == 0)
            return sizes[i].size;
    return 0;
}

/* Bus, power in tenths of a watt, temperature, MB of HBM in use. */
static const struct { unsigned int bus; int power; int heat; int used; } chips[8] = {
    {0xc1, 1018, 43, 3318},
    {0xc2, 920, 39, 3314},
    {0x81, 1020, 40, 3314},
    {0x82, 998, 40, 3314},
    {0x01, 986, 45, 3314},
    {0x02, 997, 44, 3314},
    {0x41, 1038, 45, 3314},
    {0x42, 982, 44, 3315},
};
static int ready;

static int place(int card, int device)
{
    return ready && card >= 0 && card < CARDS && device >= 0 && device < CHIPS ? card * CHIPS + device : -1;
}

int dcmi_init(void)
{
    ready = INIT == 0;
    return INIT;
}

#ifdef OLD
int dcmi_get_card_num_list(int *card_num, int *card_list, int list_len)
#else
int dcmi_get_card_list(int *card_num, int *card_list, int list_len)
#endif
{
    for (int card = 0; card < CARDS && card < list_len; card++)
        card_list[card] = card;
#ifdef CROWD
    *card_num = 1000;
#else
    *card_num = CARDS;
#endif
    return 0;
}

/* Device CHIPS of a card stands for its controller, which is counted and is no NPU. */
int dcmi_get_device_num_in_card(int card_id, int *device_num)
{
    *device_num = CHIPS + 1;
    return 0;
}

int dcmi_get_device_type(int card_id, int device_id, int *device_type)
{
    *device_type = device_id < CHIPS ? 0 : 1;
    return 0;
}

int dcmi_get_device_logic_id(int *device_logic_id, int card_id, int device_id)
{
    *device_logic_id = place(card_id, device_id);
    return *device_logic_id < 0 ? MISSING : 0;
}

int dcmi_get_device_phyid_from_logicid(unsigned int logicid, unsigned int *phyid)
{
    *phyid = logicid + PHYSICAL_FROM;
    return 0;
}

int dcmi_get_driver_version(char *driver_ver, unsigned int len)
{
    strncpy(driver_ver, "24.1.rc1.b030", len);
    return 0;
}

static const char *chip_name(void)
{
#if defined(TWO_DIES)
    return "910_9392";
#elif defined(DDR)
    return "310P3";
#else
    return "910B3";
#endif
}

#ifdef OLD
int dcmi_get_device_chip_info(int card_id, int device_id, struct dcmi_chip_info *chip_info)
#else
int dcmi_get_device_chip_info_v2(int card_id, int device_id, struct dcmi_chip_info_v2 *chip_info)
#endif
{
    memset(chip_info, 0, sizeof(*chip_info));
    strcpy((char *)chip_info->chip_type, "Ascend");
    strcpy((char *)chip_info->chip_name, chip_name());
    chip_info->aicore_cnt = 20;
    return place(card_id, device_id) < 0 ? MISSING : 0;
}

int dcmi_get_device_pcie_info_v2(int card_id, int device_id, struct dcmi_pcie_info_all *pcie_info)
{
    int chip = place(card_id, device_id);
    if (chip < 0)
        return MISSING;
    memset(pcie_info, 0, sizeof(*pcie_info));
    pcie_info->venderid = 0x19e5;
    pcie_info->deviceid = 0xd802;
    pcie_info->domain = DOMAIN;
    pcie_info->bdf_busid = chips[chip].bus;
    return 0;
}

int dcmi_get_device_die_v2(int card_id, int device_id, int input_type, struct dcmi_die_id *die_id)
{
    if (input_type != 1)
        return MISSING;
    for (unsigned int i = 0; i < 5; i++)
        die_id->soc_die[i] = 0xA0000000u + i * 0x100u + (unsigned int)place(card_id, device_id);
    return 0;
}

int dcmi_get_device_hbm_info(int card_id, int device_id, struct dcmi_hbm_info *hbm_info)
{
#ifdef DDR
    return NOT_SUPPORTED;
#else
    int chip = place(card_id, device_id);
    memset(hbm_info, 0, sizeof(*hbm_info));
    hbm_info->memory_size = 65536;
    hbm_info->memory_usage = chips[chip].used;
#ifdef LYING
    hbm_info->memory_usage = 99999999;
#endif
    return 0;
#endif
}

int dcmi_get_device_memory_info_v3(int card_id, int device_id, struct dcmi_get_memory_info_stru *memory_info)
{
    memset(memory_info, 0, sizeof(*memory_info));
    memory_info->memory_size = 43693;
    memory_info->memory_available = 40000;
    return 0;
}

int dcmi_get_device_utilization_rate(int card_id, int device_id, int input_type, unsigned int *utilization_rate)
{
    if (input_type != 2)
        return NOT_SUPPORTED;
    *utilization_rate = (unsigned int)place(card_id, device_id);
#ifdef LYING
    *utilization_rate = 65535;
#endif
    return 0;
}

int dcmi_get_device_temperature(int card_id, int device_id, int *temperature)
{
    *temperature = chips[place(card_id, device_id)].heat;
#ifdef LYING
    *temperature = 32767;
#endif
    return 0;
}

#ifndef NO_POWER
int dcmi_get_device_power_info(int card_id, int device_id, int *power_value)
{
    *power_value = chips[place(card_id, device_id)].power;
#ifdef LYING
    *power_value = -10;
#endif
    return 0;
}
#endif

int dcmi_get_device_health(int card_id, int device_id, unsigned int *health)
{
    *health = 0;
#ifdef SICK
    if (card_id == 1)
        *health = 1;
    if (card_id == 3)
        *health = 3;
    if (card_id == 6)
        *health = 0xFFFFFFFFu;
#endif
    return 0;
}

int dcmi_get_device_errorcode_v2(int card_id, int device_id, int *error_count, unsigned int *error_codes,
                                 unsigned int list_len)
{
    *error_count = 2;
    error_codes[0] = 0x80E01801u;
    error_codes[1] = 0x80C98009u;
    return list_len < 2 ? MISSING : 0;
}

int dcmi_get_device_ecc_info(int card_id, int device_id, int input_type, struct dcmi_ecc_info *ecc_info)
{
    memset(ecc_info, 0, sizeof(*ecc_info));
    ecc_info->enable_flag = 1;
#ifdef SICK
    if (card_id == 5 && input_type == 2)
        ecc_info->double_bit_error_cnt = 4;
#endif
    return 0;
}

int dcmi_get_device_info(int card_id, int device_id, int main_cmd, unsigned int sub_cmd, void *buf, unsigned int *size)
{
#ifndef VNPU
    return NOT_PERMITTED;
#else
    if (main_cmd != 52)
        return NOT_SUPPORTED;
    if (sub_cmd == 1) {
        struct dcmi_soc_total_resource *every = buf;
        if (*size != sizeof(*every))
            return MISSING;
        every->vdev_num = place(card_id, device_id) == 0 ? 2 : 0;
        every->vdev_id[0] = 100;
        every->vdev_id[1] = 101;
        return 0;
    }
    struct dcmi_vdev_query_stru *one = buf;
    if (sub_cmd != 0 || *size != sizeof(*one))
        return MISSING;
    strcpy(one->query_info.name, one->vdev_id == 100 ? "vir05_1c_16g" : "vir10_3c_32g");
    one->query_info.computing.memory_size = one->vdev_id == 100 ? 16384 : 32768;
    return 0;
#endif
}

int dcmi_get_topo_info_by_device_id(int card_id1, int device_id1, int card_id2, int device_id2, int *topo_type)
{
    *topo_type = card_id1 == card_id2 ? 6 : 3;
#ifdef LYING
    *topo_type = 77;
#endif
    return 0;
}
