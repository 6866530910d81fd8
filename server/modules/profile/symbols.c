/* SPDX-License-Identifier: MIT */
#include "server/modules/profile/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECTS_MAX 64

struct symbol {
    uint64_t begin, end; /* addresses in the process */
    const char *name;    /* in the file */
    size_t length;
};

struct object {
    uint64_t begin, end; /* what of it can be executed */
    char name[64];       /* "[libc.so.6]" */
    const char *file;
    size_t size;
    struct symbol *symbols; /* by address */
    size_t count;
};

static struct object objects[OBJECTS_MAX];
static size_t object_count;
static bool read_once;

static int compare(const void *left, const void *right)
{
    uint64_t a = ((const struct symbol *)left)->begin;
    uint64_t b = ((const struct symbol *)right)->begin;
    return (a > b) - (a < b);
}

static bool lies_within(const struct object *object, uint64_t offset, uint64_t bytes)
{
    return offset <= object->size && bytes <= object->size - offset;
}

static const Elf64_Shdr *sections_of(const struct object *object, size_t *count)
{
    const Elf64_Ehdr *head = (const void *)object->file;
    if (!lies_within(object, 0, sizeof(*head)) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_shentsize != sizeof(Elf64_Shdr) ||
        head->e_shoff % _Alignof(Elf64_Shdr) != 0 ||
        !lies_within(object, head->e_shoff, (uint64_t)head->e_shnum * sizeof(Elf64_Shdr))) {
        *count = 0;
        return NULL;
    }
    *count = head->e_shnum;
    return (const void *)(object->file + head->e_shoff);
}

/* Of the name as the source has it: what optimisation makes of a function, run.lto_priv.1 or
 * run.isra.0, has a dot behind it, which no name in C holds. */
static size_t source_length(const char *name, size_t length_max)
{
    size_t length = strnlen(name, length_max);
    const char *dot = length > 0 ? memchr(name + 1, '.', length - 1) : NULL;
    return dot ? (size_t)(dot - name) : length;
}

static void add(struct object *object, const Elf64_Sym *symbol, const Elf64_Shdr *names,
                uint64_t base)
{
    if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_value == 0 ||
        symbol->st_name >= names->sh_size) {
        return;
    }
    const char *name = object->file + names->sh_offset + symbol->st_name;
    object->symbols[object->count++] = (struct symbol){
        .begin = base + symbol->st_value,
        .end = base + symbol->st_value + (symbol->st_size ? symbol->st_size : 1),
        .name = name,
        .length = source_length(name, names->sh_size - symbol->st_name),
    };
}

static void read_table(struct object *object, const Elf64_Shdr *sections, size_t section_count,
                       const Elf64_Shdr *table, uint64_t base)
{
    if (table->sh_link >= section_count || table->sh_offset % _Alignof(Elf64_Sym) != 0 ||
        !lies_within(object, table->sh_offset, table->sh_size)) {
        return;
    }
    const Elf64_Shdr *names = &sections[table->sh_link];
    if (!lies_within(object, names->sh_offset, names->sh_size)) {
        return;
    }
    const Elf64_Sym *symbols = (const void *)(object->file + table->sh_offset);
    size_t count = table->sh_size / sizeof(*symbols);
    object->symbols = calloc(count + 1, sizeof(*object->symbols));
    for (size_t i = 0; object->symbols && i < count; i++) {
        add(object, &symbols[i], names, base);
    }
    if (object->symbols) {
        qsort(object->symbols, object->count, sizeof(*object->symbols), compare);
    }
}

/* The whole table, or where it was stripped the one for the dynamic linker. */
static void read_symbols(struct object *object, uint64_t base)
{
    size_t count;
    const Elf64_Shdr *sections = sections_of(object, &count), *table = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sections[i].sh_type == SHT_SYMTAB || (!table && sections[i].sh_type == SHT_DYNSYM)) {
            table = &sections[i];
        }
    }
    if (table) {
        read_table(object, sections, count, table, base);
    }
}

static bool map_file(struct object *object, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool right = fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0;
    if (right) {
        object->size = (size_t)status.st_size;
        void *file = mmap(NULL, object->size, PROT_READ, MAP_PRIVATE, fd, 0);
        right = file != MAP_FAILED;
        object->file = right ? file : NULL;
    }
    if (fd >= 0) {
        close(fd);
    }
    return right;
}

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    struct object *object = &objects[object_count];
    *object = (struct object){0};
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
            object->begin = info->dlpi_addr + part->p_vaddr;
            object->end = object->begin + part->p_memsz;
        }
    }
    /* The program itself has no name here. */
    const char *path = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
    if (object->end > 0 && map_file(object, path)) {
        const char *slash = strrchr(info->dlpi_name, '/');
        snprintf(object->name, sizeof(object->name), "[%s]", slash ? slash + 1 : "sigmad");
        read_symbols(object, info->dlpi_addr);
        object_count++;
    }
    return object_count == OBJECTS_MAX;
}

/* The last symbol that begins at the address or before it. */
static const struct symbol *find_in(const struct object *object, uint64_t address)
{
    size_t low = 0, high = object->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (object->symbols[middle].begin <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct symbol *symbol = low > 0 ? &object->symbols[low - 1] : NULL;
    return symbol && address < symbol->end ? symbol : NULL;
}

const char *symbols_find(uint64_t address, size_t *length)
{
    if (!read_once) {
        dl_iterate_phdr(visit, NULL);
        read_once = true;
    }
    for (size_t i = 0; i < object_count; i++) {
        if (address >= objects[i].begin && address < objects[i].end) {
            const struct symbol *symbol = find_in(&objects[i], address);
            *length = symbol ? symbol->length : strlen(objects[i].name);
            return symbol ? symbol->name : objects[i].name;
        }
    }
    return NULL;
}
