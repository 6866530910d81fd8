/* SPDX-License-Identifier: MIT
 *
 * The one table of sections and keys. Parsing, checking, overrides, the shipped statsd.ini and the
 * comparison at a reload all follow it; a new key is a line here and a field in struct config.
 * Constant data.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

/* Upper bound on the keys of the table, for arrays that go beside it. */
#define CONFIG_KEYS_MAX 288

/* Upper bound on the keys of a named section. */
#define CONFIG_ENTRY_KEYS_MAX 24

/* As enum config_profile has. */
#define CONFIG_PROFILES 3

/* Bytes of text for a bounds sentence, including the closing NUL. */
#define CONFIG_BOUNDS_MAX 256

/* The field behind each, in struct config or in the entry of a named section. */
enum config_type {
    TYPE_ADDRESSES, /* struct config_strings */
    TYPE_BOOL,      /* bool */
    TYPE_COMMAND,   /* struct config_strings; words by blanks, "..." holds one together */
    TYPE_CONDITION, /* char *, the text of a condition (config/condition.h) */
    TYPE_COUNT,     /* uint64_t */
    TYPE_DURATION,  /* uint64_t, ms */
    TYPE_ENUM,      /* an enum */
    TYPE_GLOB,      /* char *, one of them, never empty */
    TYPE_GLOBS,     /* struct config_strings, of patterns as config/glob.h has them */
    TYPE_HEADERS,   /* struct config_strings, `Name: value` each (config/header.h) */
    TYPE_MODE,      /* unsigned */
    TYPE_NUMBER,    /* double */
    TYPE_NUMBERS,   /* struct config_numbers */
    TYPE_PATH,      /* char *, NULL when off */
    TYPE_PERCENT,   /* double, a fraction */
    TYPE_RATE,      /* double a second, and unsigned for the burst */
    TYPE_SIZE,      /* uint64_t, bytes */
    TYPE_TAGS,      /* char *, "" when there are none */
    TYPE_GROUP,     /* char *, NULL when off */
    TYPE_TEXT,      /* char *, never NULL */
    TYPE_UNSIGNED,  /* unsigned */
    TYPE_TEXTS,     /* struct config_strings, whatever they say */
    TYPE_WORDS,     /* struct config_strings, of `words` */
    TYPE_COUNT_OF_TYPES
};

/* What a changed value needs to take effect. */
enum config_effect { EFFECT_RELOAD, EFFECT_RESTART };

enum config_flag {
    KEY_OR_ZERO = 1,   /* 0 and `off` are taken beside the bounds */
    KEY_ABOVE_MIN = 2, /* the lower bound itself is not taken */
    KEY_OR_SHARE = 4,  /* a percentage of the memory that the process may use is taken */
    KEY_OR_AUTO = 8,   /* `auto` is taken */
    KEY_OR_INF = 16,   /* `inf` is taken as an item of a list */
    KEY_NOT_ZERO = 64, /* 0 is not taken, though within the bounds */
    KEY_REQUIRED = 32  /* has no default; each entry of a named section gives it */
};

/* A word of an enum; the last of a list has none. */
struct config_word {
    const char *word;
    int value;
};

struct config_section {
    const char *name;
    const char *help;
    /* Of named sections, as [exec "disk"], which may be there any number of times. Their entries
     * are an array in struct config, a pointer and a size_t beside it; each begins with a char *
     * for its name. Zero and NULL of plain sections. */
    size_t entry_bytes;
    size_t list_offset;        /* of the pointer in struct config */
    const char *example;       /* a name, for the shipped file */
    enum config_effect effect; /* of any change among the entries; that of each of its keys */
};

struct config_key {
    const char *section;
    const char *name;
    enum config_type type;
    enum config_effect effect;
    unsigned flags;     /* of enum config_flag */
    double min, max;    /* in the field's unit (percent: a fraction); of each item of a list */
    size_t items_max;   /* of a list */
    const char *unit;   /* of plain numbers, for the documentation; NULL = none */
    const char *preset; /* the default, as written in a file */
    /* The defaults of the other profiles, by enum config_profile, where they differ; else NULL. */
    const char *profile_presets[CONFIG_PROFILES];
    const char *help;    /* one sentence */
    const char *example; /* shown in place of the default; KEY_REQUIRED needs one */
    size_t offset;       /* of the field in struct config, or in an entry of a named section */
    size_t burst_offset; /* TYPE_RATE: of the second field */
    const struct config_word *words; /* TYPE_ENUM, TYPE_WORDS */
};

extern const struct config_section config_sections[];
extern const size_t config_section_count;

/* Grouped by section, in the order of config_sections. */
extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The default of a key in a profile (enum config_profile). */
const char *config_key_preset(const struct config_key *key, unsigned profile);

/* The word by which a profile is chosen. */
const char *config_profile_word(unsigned profile);

/* NULL when there is none. */
const struct config_section *config_section_find(const char *name);

/* The same for what stands in the brackets of a file, `flush` or `exec "disk"`: by its first word.
 */
const struct config_section *config_section_find_heading(const char *heading);

/* True for sections that come with a name. */
bool config_section_is_named(const struct config_section *section);

/* True for the keys of such sections, whose fields are in an entry and not in struct config. */
bool config_key_is_named(const struct config_key *key);
const struct config_key *config_key_find(const char *section, const char *name);

/* True for keys that hold a list by comma. */
bool config_key_is_list(const struct config_key *key);

/* Writes the accepted values, "50ms to 1d", "loopback | token | off"; "" where anything goes.
 * Returns the length. */
size_t config_key_format_bounds(const struct config_key *key, char out[CONFIG_BOUNDS_MAX]);

#endif
