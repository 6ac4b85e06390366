// The C half of a store: what runs on a wasmtime fiber, where no Go code may.
// Read fiber.c from writ_resume.
#ifndef WRIT_FIBER_H
#define WRIT_FIBER_H

#include "libwasmtime.h"

enum {
  // Values of one call that cross between Go and the fiber. The canonical ABI
  // needs 17.
  WRIT_MAX_VALUES = 64,
  WRIT_FIBER_STACK = 2 << 20,
  // What must stay free below the deepest guest frame, for our code, the
  // library's, and the capture of a backtrace.
  WRIT_STACK_HEADROOM = 192 << 10,
};

// Why writ_resume came back.
enum writ_event {
  WRIT_PREEMPTED, // the epoch ended: resume as it is
  WRIT_DONE,      // the future is complete and gone; trap and error tell how
  WRIT_HOST_CALL, // an import was called; answer with a command
  WRIT_RETURNED,  // the command is done, results are in values
  WRIT_TRAPPED,   // the command failed; trap or error is set
  WRIT_TOO_DEEP,  // the command was refused: not enough stack
  WRIT_MISSING,   // the command was refused: no such function
};

// What the fiber does when it is resumed.
enum writ_command {
  WRIT_RETURN,   // return from the import to the guest
  WRIT_TRAP,     // end the guest from the import
  WRIT_CALL,     // call the slot's function with values
  WRIT_ALLOCATE, // call the slot's function, a realloc, for each of count values
  WRIT_EXIT,     // leave the root
};

// One import that is served by Go. Masks have a bit for each 32-bit value.
typedef struct writ_import {
  uint32_t id;
  uint16_t nparams, nresults;
  uint64_t params32;
} writ_import;

// One import that an earlier instance of the store serves with an export.
typedef struct writ_source {
  const char *module, *name, *from;
  size_t module_len, name_len, from_len;
  uint32_t instance;
} writ_source;

typedef struct writ_slot {
  const char *name;
  size_t name_len;
  uint32_t instance;
  uint32_t view; // of a memory: its index in views
  uint8_t kind;  // WASMTIME_EXTERN_FUNC or _MEMORY
  uint16_t nparams, nresults;
  uint64_t results32;
} writ_slot;

// Pages next to each other of a memory, in bytes from its beginning.
typedef struct writ_run {
  uint32_t view;
  size_t at, size;
} writ_run;

// The pages that instances write to, as hot.go found.
typedef struct writ_hot {
  uint32_t n;
  writ_run runs[];
} writ_hot;

typedef struct writ_template {
  wasm_engine_t *engine;
  wasmtime_linker_t *base; // holds the root and suspend functions
  writ_slot *slots;
  uint32_t nslots, ninstances, nviews;
  size_t stack; // of the guest, from each entry on
  writ_hot *hot; // NULL while it is not known; set once, atomically
} writ_template;

// A memory as it was when the guest last stopped.
typedef struct writ_view {
  wasmtime_memory_t memory;
  bool live;
  uint8_t *data;
  size_t size;
  size_t initial; // size when the instance was made
} writ_view;

typedef struct writ_fiber {
  const writ_template *tmpl;
  wasmtime_store_t *store;
  wasmtime_context_t *ctx;
  wasmtime_call_future_t *future;
  // Where a future, or a failed call on the fiber, leaves its failure.
  wasm_trap_t *trap;
  wasmtime_error_t *error;

  uint8_t event, command;
  bool resumed;   // lets the continuation of suspend complete
  bool cancelled; // the future is being deleted: unwind, never suspend again
  bool idle;      // suspended at the root, no guest frame on the fiber
  int32_t step;   // instance being made, or -1
  uint32_t slot;  // of WRIT_CALL and WRIT_ALLOCATE
  // Of WRIT_ALLOCATE: a value is an alignment above a size, and becomes the
  // address. The one that is not aligned or not within the view is the last.
  uint32_t view, count, allocated;
  const writ_import *called; // of WRIT_HOST_CALL
  uint64_t *args;            // of WRIT_HOST_CALL: parameters, then results
  uint64_t values[WRIT_MAX_VALUES]; // of WRIT_CALL and WRIT_ALLOCATE, both ways
  char *stack_base;          // highest address the guest may have used; 0: unknown

  wasmtime_func_t suspend, root;
  wasmtime_async_continuation_t continuation; // of each suspend
  uint32_t made; // instances that exist
  wasmtime_instance_t *instances;
  wasmtime_func_t *funcs; // by slot; store_id 0: not looked up yet
  writ_view *views;
} writ_fiber;

wasmtime_error_t *writ_component_check(const uint8_t *, size_t);
wasm_engine_t *writ_engine_new(uint64_t max_memory, size_t table_elements, uint32_t tables, uint32_t memories,
                               uint32_t instances, size_t keep_resident, size_t stack);
wasmtime_error_t *writ_base_linker(wasm_engine_t *, wasmtime_linker_t **);
wasmtime_error_t *writ_define_import(wasmtime_linker_t *, const char *module, size_t module_len, const char *name,
                                     size_t name_len, const uint8_t *kinds, const writ_import *);

writ_fiber *writ_fiber_new(const writ_template *);
void writ_fiber_delete(writ_fiber *);
void writ_template_heat(writ_template *, writ_hot *);
bool writ_fiber_open(writ_fiber *, int64_t memory, int64_t elements, int64_t instances, int64_t tables,
                     int64_t memories);
void writ_fiber_close(writ_fiber *);

wasmtime_error_t *writ_link_exports(writ_fiber *, wasmtime_linker_t *, const writ_source *, uint32_t n,
                                    uint32_t *linked);
int writ_instantiate(writ_fiber *, uint32_t step, const wasmtime_instance_pre_t *);
int writ_instantiate_linked(writ_fiber *, uint32_t step, const wasmtime_linker_t *, const wasmtime_module_t *);
int writ_start(writ_fiber *);
int writ_resume(writ_fiber *);
void writ_abandon(writ_fiber *);

#endif
