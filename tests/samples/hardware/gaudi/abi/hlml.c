/* An HLML of eight Gaudi 3 (HL-325L) in an HLS-3 box, made by hand: symbols, structures and codes as hlml.h declares
 * them, https://github.com/HabanaAI/gohlml/blob/main/hlml.h. Which figures are recorded, README.md says.
 *
 * Macros: OLD leaves out what the first public hlml.h did not declare, NO_COUNT what nothing goes without, NO_DRIVER
 * refuses to start, LYING returns figures that cannot be true, SICK breaks cards 1 to 4 (4 is lost).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef DOMAIN
#define DOMAIN 0 /* the PCI domain of the cards, so that several samples fit in one machine */
#endif
#define CARDS 8
#define SUCCESS 0
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define INSUFFICIENT_SIZE 7
#define DRIVER_NOT_LOADED 9
#define AIP_IS_LOST 15

#define PCI_ADDR_LEN 15
#define PCI_LINK_INFO_LEN 10

typedef struct { char link_speed[PCI_LINK_INFO_LEN]; char link_width[PCI_LINK_INFO_LEN]; } hlml_pci_cap_t;
typedef struct {
    unsigned int bus;
    char bus_id[PCI_ADDR_LEN];
    unsigned int device, domain, pci_device_id;
    hlml_pci_cap_t caps;
} hlml_pci_info_t;
typedef struct { unsigned int aip; } hlml_utilization_t;
typedef struct { unsigned long long free, total, used; } hlml_memory_t;
typedef void *hlml_device_t;

unsigned int sizeof_hlml_pci_info_t = sizeof(hlml_pci_info_t);
unsigned int sizeof_hlml_memory_t = sizeof(hlml_memory_t);
unsigned int sizeof_hlml_utilization_t = sizeof(hlml_utilization_t);

static int cards[CARDS] = {0, 1, 2, 3, 4, 5, 6, 7};
static const unsigned int buses[CARDS] = {0x3b, 0x4c, 0x5d, 0x9b, 0x19, 0xbb, 0xcb, 0xdb};
const unsigned int modules[CARDS] = {1, 3, 2, 6, 0, 7, 5, 4};
static const char *const uuids[CARDS] = {
    "01P4-HL3090A0-18-UAN071-12-03-01", "01P4-HL3090A0-18-UAN071-05-08-05", "01P4-HL3090A0-18-UAS681-15-03-02",
    "01P4-HL3090A0-18-UAN071-04-07-03", "01P4-HL3090A0-18-UAN071-08-07-01", "01P4-HL3090A0-18-UAH066-20-03-04",
    "01P4-HL3090A0-18-UAN075-04-06-07", "01P4-HL3090A0-18-UAH079-13-03-03"};
static int open_count = 0;

static int number(hlml_device_t device) { return *(int *)device; }

static int copy(char *to, unsigned int length, const char *text)
{
    if (strlen(text) >= length) return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return SUCCESS;
}

int hlml_init(void)
{
#ifdef NO_DRIVER
    return DRIVER_NOT_LOADED;
#endif
    open_count++;
    return SUCCESS;
}

int hlml_shutdown(void) { open_count--; return SUCCESS; }
int fake_open_count(void) { return open_count; }

#ifndef NO_COUNT
int hlml_device_get_count(unsigned int *count) { *count = CARDS; return SUCCESS; }
#endif

int hlml_device_get_handle_by_index(unsigned int index, hlml_device_t *device)
{
#ifdef SICK
    if (index == 4) return AIP_IS_LOST;
#endif
    *device = &cards[index];
    return SUCCESS;
}

int hlml_device_get_name(hlml_device_t device, char *name, unsigned int length) { return copy(name, length, "HL-325L"); }
int hlml_device_get_uuid(hlml_device_t device, char *uuid, unsigned int length)
{
    return copy(uuid, length, uuids[number(device)]);
}

int hlml_device_get_pci_info(hlml_device_t device, hlml_pci_info_t *pci)
{
    memset(pci, 0, sizeof *pci);
    pci->domain = DOMAIN;
    pci->bus = buses[number(device)];
    snprintf(pci->bus_id, PCI_ADDR_LEN, "%04x:%02x:00.0", DOMAIN, pci->bus);
    pci->pci_device_id = 0x10601da3;
    return SUCCESS;
}

int hlml_device_get_memory_info(hlml_device_t device, hlml_memory_t *memory)
{
    memory->total = 131072ull << 20;
    memory->used = 672ull << 20;
#ifdef LYING
    memory->total = 0;
#endif
    memory->free = 130400ull << 20;
    return SUCCESS;
}

int hlml_device_get_utilization_rates(hlml_device_t device, hlml_utilization_t *rates)
{
    rates->aip = 10 * number(device);
#ifdef LYING
    rates->aip = 65535;
#endif
    return SUCCESS;
}

int hlml_device_get_temperature(hlml_device_t device, int sensor, unsigned int *celsius)
{
    *celsius = 36 + number(device);
#ifdef LYING
    *celsius = (unsigned int)-1;
#endif
#ifdef SICK
    if (number(device) == 3) *celsius = 105;
#endif
    return sensor == 0 ? SUCCESS : INVALID_ARGUMENT;
}

int hlml_device_get_temperature_threshold(hlml_device_t device, int threshold, unsigned int *celsius)
{
    *celsius = threshold == 1 ? 104 : 110;
    return SUCCESS;
}

int hlml_device_get_power_usage(hlml_device_t device, unsigned int *milliwatts)
{
#ifdef LYING
    return NOT_SUPPORTED;
#endif
    *milliwatts = 226000;
    return SUCCESS;
}

int hlml_device_get_power_management_default_limit(hlml_device_t device, unsigned int *milliwatts)
{
    *milliwatts = 850000;
    return SUCCESS;
}

int hlml_device_get_total_ecc_errors(hlml_device_t device, int type, int counter, unsigned long long *count)
{
    *count = 0;
#ifdef SICK
    if (number(device) == 1) *count = counter == 0 ? 1 : 3;
#endif
    return type == 1 ? SUCCESS : NOT_SUPPORTED;
}

int hlml_device_get_minor_number(hlml_device_t device, unsigned int *minor) { *minor = number(device); return SUCCESS; }

int hlml_device_get_current_clocks_throttle_reasons(hlml_device_t device, unsigned long long *reasons)
{
    *reasons = 0;
#ifdef SICK
    *reasons = number(device) == 3 ? 2 : 0;
#endif
    return SUCCESS;
}

#ifndef OLD
int hlml_get_driver_version(char *version, unsigned int length) { return copy(version, length, "1.24.1-b336d5e"); }

int hlml_device_get_module_id(hlml_device_t device, unsigned int *module)
{
    *module = modules[number(device)];
    return SUCCESS;
}

int hlml_get_mac_addr_info(hlml_device_t device, uint64_t *mask, uint64_t *ext_mask)
{   /* 24 ports, of which 8, 22 and 23 leave the box */
    mask[0] = 0xffffff;
    mask[1] = 0;
    ext_mask[0] = 1ull << 8 | 1ull << 22 | 1ull << 23;
    ext_mask[1] = 0;
    return SUCCESS;
}

int hlml_nic_get_link(hlml_device_t device, uint32_t port, bool *up)
{
    *up = true;
#ifdef SICK
    if (number(device) == 2) *up = port < 8;
#endif
    return SUCCESS;
}

int hlml_device_get_replaced_rows(hlml_device_t device, int cause, unsigned int *count, void *addresses)
{
    *count = 0;
#ifdef SICK
    if (number(device) == 2 && cause == 1) *count = 2;
#endif
    return SUCCESS;
}

int hlml_device_get_replaced_rows_pending_status(hlml_device_t device, int *pending)
{
    *pending = 0;
#ifdef SICK
    *pending = number(device) == 2;
#endif
    return SUCCESS;
}
#endif
