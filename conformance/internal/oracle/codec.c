#include "oracle.h"

// A value is its kind's byte and then, in the byte order of the machine: 8
// bytes of a scalar; a string's length and bytes; a count and the parts, with
// their names where they have any.

static bool take(writ_oracle_reader *r, void *to, size_t n) {
  if ((size_t)(r->end - r->at) < n) return false;
  memcpy(to, r->at, n);
  r->at += n;
  return true;
}

static bool take_name(writ_oracle_reader *r, wasm_name_t *name) {
  uint32_t n;
  if (!take(r, &n, 4) || (size_t)(r->end - r->at) < n) return false;
  wasm_byte_vec_new(name, n, (const wasm_byte_t *)r->at);
  r->at += n;
  return true;
}

// An optional value on the heap: NULL when there is none.
static bool take_boxed(writ_oracle_reader *r, wasmtime_component_val_t **out) {
  uint8_t has;
  wasmtime_component_val_t v;
  *out = NULL;
  if (!take(r, &has, 1)) return false;
  if (!has) return true;
  if (!writ_oracle_decode(r, &v)) return false;
  *out = wasmtime_component_val_new(&v);
  return true;
}

static bool take_items(writ_oracle_reader *r, wasmtime_component_val_t *items, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!writ_oracle_decode(r, &items[i])) return false;
  }
  return true;
}

static bool take_fields(writ_oracle_reader *r, wasmtime_component_valrecord_t *record) {
  for (size_t i = 0; i < record->size; i++) {
    if (!take_name(r, &record->data[i].name) || !writ_oracle_decode(r, &record->data[i].val)) return false;
  }
  return true;
}

static bool take_labels(writ_oracle_reader *r, wasmtime_component_valflags_t *flags) {
  for (size_t i = 0; i < flags->size; i++) {
    if (!take_name(r, &flags->data[i])) return false;
  }
  return true;
}

static bool take_sequence(writ_oracle_reader *r, wasmtime_component_val_t *v) {
  uint32_t n;
  if (!take(r, &n, 4) || (size_t)(r->end - r->at) < n) return false;
  switch (v->kind) {
    case WASMTIME_COMPONENT_LIST:
      wasmtime_component_vallist_new_uninit(&v->of.list, n);
      return take_items(r, v->of.list.data, n);
    case WASMTIME_COMPONENT_TUPLE:
      wasmtime_component_valtuple_new_uninit(&v->of.tuple, n);
      return take_items(r, v->of.tuple.data, n);
    case WASMTIME_COMPONENT_RECORD:
      wasmtime_component_valrecord_new_uninit(&v->of.record, n);
      return take_fields(r, &v->of.record);
    default:
      wasmtime_component_valflags_new_uninit(&v->of.flags, n);
      return take_labels(r, &v->of.flags);
  }
}

// A handle is its index among those that the host was given.
static bool take_handle(writ_oracle_reader *r, wasmtime_component_val_t *v) {
  uint64_t i;
  if (!take(r, &i, 8) || i >= r->oracle->nhandles || !r->oracle->handles[i]) return false;
  v->of.resource = wasmtime_component_resource_any_clone(r->oracle->handles[i]);
  return true;
}

// What was decoded before a failure leaks: the bytes come from the tests.
bool writ_oracle_decode(writ_oracle_reader *r, wasmtime_component_val_t *v) {
  uint8_t flag;
  memset(v, 0, sizeof *v);
  if (!take(r, &v->kind, 1)) return false;
  switch (v->kind) {
    case WASMTIME_COMPONENT_STRING:
    case WASMTIME_COMPONENT_ENUM:
      return take_name(r, &v->of.string);
    case WASMTIME_COMPONENT_LIST:
    case WASMTIME_COMPONENT_TUPLE:
    case WASMTIME_COMPONENT_RECORD:
    case WASMTIME_COMPONENT_FLAGS:
      return take_sequence(r, v);
    case WASMTIME_COMPONENT_VARIANT:
      return take_name(r, &v->of.variant.discriminant) && take_boxed(r, &v->of.variant.val);
    case WASMTIME_COMPONENT_OPTION:
      return take_boxed(r, &v->of.option);
    case WASMTIME_COMPONENT_RESULT:
      if (!take(r, &flag, 1)) return false;
      v->of.result.is_ok = flag;
      return take_boxed(r, &v->of.result.val);
    case WASMTIME_COMPONENT_RESOURCE:
      return take_handle(r, v);
    default:
      return v->kind < WASMTIME_COMPONENT_STRING && take(r, &v->of.u64, 8);
  }
}

static void put(writ_oracle_writer *w, const void *from, size_t n) {
  if (w->cap - w->size < n) {
    w->cap = 2 * (w->cap + n);
    w->data = realloc(w->data, w->cap);
    if (!w->data) abort();
  }
  memcpy(w->data + w->size, from, n);
  w->size += n;
}

static void put_name(writ_oracle_writer *w, const wasm_name_t *name) {
  uint32_t n = (uint32_t)name->size;
  put(w, &n, 4);
  if (n > 0) put(w, name->data, n);
}

static void put_boxed(writ_oracle_writer *w, writ_oracle *o, const wasmtime_component_val_t *v) {
  uint8_t has = v != NULL;
  put(w, &has, 1);
  if (v) writ_oracle_encode(w, o, v);
}

static void put_items(writ_oracle_writer *w, writ_oracle *o, const wasmtime_component_val_t *items, size_t size) {
  uint32_t n = (uint32_t)size;
  put(w, &n, 4);
  for (size_t i = 0; i < size; i++) writ_oracle_encode(w, o, &items[i]);
}

static void put_fields(writ_oracle_writer *w, writ_oracle *o, const wasmtime_component_valrecord_t *record) {
  uint32_t n = (uint32_t)record->size;
  put(w, &n, 4);
  for (size_t i = 0; i < n; i++) {
    put_name(w, &record->data[i].name);
    writ_oracle_encode(w, o, &record->data[i].val);
  }
}

static void put_labels(writ_oracle_writer *w, const wasmtime_component_valflags_t *flags) {
  uint32_t n = (uint32_t)flags->size;
  put(w, &n, 4);
  for (size_t i = 0; i < n; i++) put_name(w, &flags->data[i]);
}

// A handle is kept, and written as its index.
static void put_handle(writ_oracle_writer *w, writ_oracle *o, const wasmtime_component_val_t *v) {
  uint64_t i = o->nhandles;
  if (i == WRIT_MAX_HANDLES) abort();
  o->handles[o->nhandles++] = wasmtime_component_resource_any_clone(v->of.resource);
  put(w, &i, 8);
}

// Scalars are extended to 8 bytes by their own signs.
static void put_scalar(writ_oracle_writer *w, const wasmtime_component_val_t *v) {
  uint64_t bits = 0;
  switch (v->kind) {
    case WASMTIME_COMPONENT_BOOL: bits = v->of.boolean; break;
    case WASMTIME_COMPONENT_S8: bits = (uint64_t)(int64_t)v->of.s8; break;
    case WASMTIME_COMPONENT_U8: bits = v->of.u8; break;
    case WASMTIME_COMPONENT_S16: bits = (uint64_t)(int64_t)v->of.s16; break;
    case WASMTIME_COMPONENT_U16: bits = v->of.u16; break;
    case WASMTIME_COMPONENT_S32: bits = (uint64_t)(int64_t)v->of.s32; break;
    case WASMTIME_COMPONENT_U32: case WASMTIME_COMPONENT_CHAR: case WASMTIME_COMPONENT_F32: bits = v->of.u32; break;
    default: bits = v->of.u64;
  }
  put(w, &bits, 8);
}

void writ_oracle_encode(writ_oracle_writer *w, writ_oracle *o, const wasmtime_component_val_t *v) {
  uint8_t flag;
  put(w, &v->kind, 1);
  switch (v->kind) {
    case WASMTIME_COMPONENT_STRING: put_name(w, &v->of.string); return;
    case WASMTIME_COMPONENT_ENUM: put_name(w, &v->of.enumeration); return;
    case WASMTIME_COMPONENT_LIST: put_items(w, o, v->of.list.data, v->of.list.size); return;
    case WASMTIME_COMPONENT_TUPLE: put_items(w, o, v->of.tuple.data, v->of.tuple.size); return;
    case WASMTIME_COMPONENT_RECORD: put_fields(w, o, &v->of.record); return;
    case WASMTIME_COMPONENT_FLAGS: put_labels(w, &v->of.flags); return;
    case WASMTIME_COMPONENT_VARIANT:
      put_name(w, &v->of.variant.discriminant);
      put_boxed(w, o, v->of.variant.val);
      return;
    case WASMTIME_COMPONENT_OPTION: put_boxed(w, o, v->of.option); return;
    case WASMTIME_COMPONENT_RESULT:
      flag = v->of.result.is_ok;
      put(w, &flag, 1);
      put_boxed(w, o, v->of.result.val);
      return;
    case WASMTIME_COMPONENT_RESOURCE: put_handle(w, o, v); return;
    default: put_scalar(w, v);
  }
}
