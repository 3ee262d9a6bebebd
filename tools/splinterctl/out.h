/* SPDX-License-Identifier: MIT */
/*
 * out.h - how data is printed: bytes as JSON or escaped text, numbers and times for people.
 */
#ifndef _OUT_H
#define _OUT_H

#include <jansson.h>

#include "ctl.h"

void out_json_bytes(json_t *object, const char *name, const void *data, size_t len);
void out_json_u64(json_t *object, const char *name, uint64_t value);
void out_json_hex(json_t *object, const char *name, uint64_t value);
void out_json_text(json_t *object, const char *name, const char *text);
void out_json_bool(json_t *object, const char *name, bool value);
int out_json(const struct ctl *ctl, json_t *object);

void out_escaped(const void *data, size_t len);
const char *out_shown(const void *data, size_t len);
void out_field(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *out_bytes(uint64_t bytes, char buf[32]);
const char *out_time(uint64_t ns, char buf[64]);
int out_flush(const struct ctl *ctl);

#endif /* _OUT_H */
