#ifndef WRIT_ORACLE_H
#define WRIT_ORACLE_H

#include <stdlib.h>
#include <string.h>

#include "libwasmtime.h"

enum { WRIT_MAX_HANDLES = 256 };

// Bytes that grow.
typedef struct writ_oracle_writer { uint8_t *data; size_t size, cap; } writ_oracle_writer;

// A component that is loaded, and its latest instance.
typedef struct writ_oracle {
  wasm_engine_t *engine;
  wasmtime_component_t *component;
  wasmtime_component_linker_t *linker;
  wasmtime_store_t *store;
  wasmtime_component_instance_t instance;
  // Handles that the host was given, in order; NULL when given away.
  wasmtime_component_resource_any_t *handles[WRIT_MAX_HANDLES];
  size_t nhandles;
  // Of the host's own resources that were dropped: in which order.
  uint32_t dropped;
  bool rest_linked;
} writ_oracle;

// Decoding reports false for bytes that are no value.
typedef struct writ_oracle_reader { const uint8_t *at, *end; writ_oracle *oracle; } writ_oracle_reader;
bool writ_oracle_decode(writ_oracle_reader *, wasmtime_component_val_t *);
void writ_oracle_encode(writ_oracle_writer *, writ_oracle *, const wasmtime_component_val_t *);

// What components can import.
wasmtime_error_t *writ_oracle_define(writ_oracle *);

wasmtime_error_t *writ_oracle_load(writ_oracle *, const uint8_t *, size_t);
wasmtime_error_t *writ_oracle_instantiate(writ_oracle *);
// Calls an export with encoded arguments; false for a call that makes no sense.
bool writ_oracle_call(writ_oracle *, const char *, size_t, const uint8_t *, size_t, size_t nargs, size_t nresults,
               writ_oracle_writer *, wasmtime_error_t **);
bool writ_oracle_drop(writ_oracle *, uint32_t, wasmtime_error_t **);

bool writ_oracle_find(writ_oracle *, const char *, size_t, wasmtime_component_func_t *);

// For benchmarks: an engine that reuses memories, calls with arguments that are
// ready (NULL for one that makes no sense), and instances that nothing is done with.
void writ_oracle_pooled(writ_oracle *);
typedef struct writ_oracle_prepared writ_oracle_prepared;
writ_oracle_prepared *writ_oracle_prepare(writ_oracle *, const char *, size_t, const uint8_t *, size_t, size_t nargs);
wasmtime_error_t *writ_oracle_repeat(const writ_oracle_prepared *);
void writ_oracle_forget(writ_oracle_prepared *);
wasmtime_error_t *writ_oracle_link_rest(writ_oracle *);
wasmtime_error_t *writ_oracle_once(writ_oracle *);

#endif
