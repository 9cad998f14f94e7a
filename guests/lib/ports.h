/* Where the devices are that the guests talk to, for C and for the assembler: a PC's addresses, and three of a VMM. */

#define COM1                0x3f8           /* first serial port: transmit and receive at +0 */
#define COM1_INTERRUPTS     (COM1 + 1)      /* interrupt enable; bit 0: a byte has come in */
#define COM1_MODEM          (COM1 + 4)      /* bit 3 (OUT2) lets the interrupt out of the chip */
#define COM1_STATUS         (COM1 + 5)      /* line status; bit 0: a byte is waiting */

#define PIC1_COMMAND        0x20            /* interrupts 0-7 */
#define PIC1_DATA           0x21
#define PIC2_COMMAND        0xa0            /* interrupts 8-15, behind input 2 of the first */
#define PIC2_DATA           0xa1

#define PIT_CHANNEL0        0x40            /* the timer on interrupt 0, 1193182 Hz */
#define PIT_COMMAND         0x43

#define RESET_CONTROL       0xcf9
#define DEBUG_CONSOLE       0xe9            /* every byte written is text for the host */
#define DEBUG_EXIT          0xf4            /* a byte written here ends the run and is its value */

#define PATTERN_PORT        0x2000          /* a test device: reads as 00 01 02 ..., a new byte for every byte read */
#define TEST_MMIO           0xd0000000      /* a test device in memory space */
#define TEST_ID             0x00            /* reads as 0x564d4d31 */
#define TEST_SCRATCH        0x08            /* eight bytes that keep what is written */
#define TEST_WRITES         0x10            /* how many writes the device has seen */
#define TEST_SUM            0x18            /* a write adds, a read gives the sum */
#define TEST_STORAGE        0x100           /* plain storage from here on */
