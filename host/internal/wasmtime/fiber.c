#include "fiber.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// A store runs on one fiber at a time. Its root is a host function that does
// what Go asks, one command after another, so that a call, the allocations for
// its arguments and its clean-up share a fiber and a future. An import is a
// plain host function that suspends the same way and may be asked to call the
// guest again: what Go nests, the fiber nests.
//
// Suspending goes through one asynchronous host function. Guest code must not
// be called from its continuation: a continuation is polled while the store's
// right to block is taken, and a second attempt to block (an epoch's yield, or
// a nested suspend) panics, which ends the process.

static wasm_trap_t *ended(void) {
  static const char text[] = "ended by the host";
  return wasmtime_trap_new(text, sizeof text - 1);
}

static bool may_continue(void *env) { return ((writ_fiber *)env)->resumed; }

static void on_suspend(void *env, wasmtime_caller_t *caller, const wasmtime_val_t *args, size_t nargs,
                       wasmtime_val_t *results, size_t nresults, wasm_trap_t **trap,
                       wasmtime_async_continuation_t *continuation) {
  writ_fiber *f = wasmtime_context_get_data(wasmtime_caller_context(caller));
  f->resumed = false;
  // The library reads two of its fields at once, which the processor delays
  // when they were just written one by one.
  *continuation = f->continuation;
}

// A memory's size is all that changes: it does not move (engine.c).
static void refresh_views(writ_fiber *f) {
  for (writ_view *v = f->views, *end = v + f->tmpl->nviews; v < end; v++)
    if (v->live) v->size = wasmtime_memory_data_size(f->ctx, &v->memory);
}

static void drop_failure(wasm_trap_t *trap, wasmtime_error_t *error) {
  if (trap) wasm_trap_delete(trap);
  if (error) wasmtime_error_delete(error);
}

// Gives the event to Go and waits for a command. False: the future is being
// deleted, and everything on the fiber must return at once.
static bool suspend(writ_fiber *f, uint8_t event) {
  wasmtime_val_raw_t none;
  wasm_trap_t *trap = NULL;
  refresh_views(f);
  f->event = event;
  wasmtime_error_t *error = wasmtime_func_call_unchecked(f->ctx, &f->suspend, &none, 0, &trap);
  if (!trap && !error) return true;
  f->cancelled = true;
  drop_failure(trap, error);
  return false;
}

static bool look_up(writ_fiber *f, uint32_t slot) {
  const writ_slot *s = &f->tmpl->slots[slot];
  wasmtime_extern_t e;
  if (f->funcs[slot].store_id) return true;
  if (!wasmtime_instance_export_get(f->ctx, &f->instances[s->instance], s->name, s->name_len, &e)) return false;
  if (e.kind != WASMTIME_EXTERN_FUNC) return false;
  f->funcs[slot] = e.of.func;
  return true;
}

static bool deep(const writ_fiber *f) {
  // Every entry into the guest gets a whole wasm stack below the current
  // frame, however deep that is: the library does not add entries up. Past the
  // fiber's guard page there is only the end of the process.
  char *here = __builtin_frame_address(0);
  return f->stack_base - here > WRIT_FIBER_STACK - (ptrdiff_t)f->tmpl->stack - WRIT_STACK_HEADROOM;
}

// Calls a function that was looked up. The event is WRIT_PREEMPTED when the
// future is being deleted.
static uint8_t enter(writ_fiber *f, uint32_t slot, wasmtime_val_raw_t *raw, size_t n) {
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error = wasmtime_func_call_unchecked(f->ctx, &f->funcs[slot], raw, n, &trap);
  if (!trap && !error) return WRIT_RETURNED;
  if (f->cancelled) {
    drop_failure(trap, error);
    return WRIT_PREEMPTED;
  }
  f->trap = trap;
  f->error = error;
  return WRIT_TRAPPED;
}

static uint8_t call(writ_fiber *f) {
  uint32_t slot = f->slot;
  const writ_slot *s = &f->tmpl->slots[slot];
  wasmtime_val_raw_t raw[WRIT_MAX_VALUES];
  for (size_t i = 0; i < s->nparams; i++) raw[i].i64 = (int64_t)f->values[i];
  uint8_t event = enter(f, slot, raw, s->nparams > s->nresults ? s->nparams : s->nresults);
  if (event != WRIT_RETURNED) return event;
  for (size_t i = 0; i < s->nresults; i++)
    f->values[i] = s->results32 >> i & 1 ? (uint32_t)raw[i].i32 : (uint64_t)raw[i].i64;
  return event;
}

static uint8_t allocate(writ_fiber *f) {
  uint32_t slot = f->slot;
  const writ_view *view = &f->views[f->view];
  for (f->allocated = 0; f->allocated < f->count;) {
    uint64_t *v = &f->values[f->allocated];
    uint32_t align = (uint32_t)(*v >> 32), size = (uint32_t)*v;
    wasmtime_val_raw_t raw[4] = {{.i32 = 0}, {.i32 = 0}, {.i32 = (int32_t)align}, {.i32 = (int32_t)size}};
    uint8_t event = enter(f, slot, raw, 4);
    if (event != WRIT_RETURNED) return event;
    uint64_t at = *v = (uint32_t)raw[0].i32;
    f->allocated++;
    if (at % align || at + size > wasmtime_memory_data_size(f->ctx, &view->memory)) break;
  }
  return WRIT_RETURNED;
}

// Performs WRIT_CALL or WRIT_ALLOCATE and returns its event.
static uint8_t perform(writ_fiber *f) {
  if (deep(f)) return WRIT_TOO_DEEP;
  if (!look_up(f, f->slot)) return WRIT_MISSING;
  return f->command == WRIT_CALL ? call(f) : allocate(f);
}

static wasm_trap_t *on_root(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t n) {
  writ_fiber *f = wasmtime_context_get_data(wasmtime_caller_context(caller));
  f->stack_base = __builtin_frame_address(0);
  while (f->command != WRIT_EXIT) {
    uint8_t event = perform(f);
    if (f->cancelled) return ended();
    f->idle = true;
    if (!suspend(f, event)) return ended();
    f->idle = false;
  }
  return NULL;
}

// Sixteen bytes a value become eight, in place: parameters first, then room
// for results.
static void pack(const writ_import *im, wasmtime_val_raw_t *raw) {
  uint64_t *out = (uint64_t *)raw;
  for (size_t i = 0; i < im->nparams; i++) {
    uint64_t v = (uint64_t)raw[i].i64;
    out[i] = im->params32 >> i & 1 ? (uint32_t)v : v;
  }
  memset(out + im->nparams, 0, im->nresults * sizeof *out);
}

static void unpack(const writ_import *im, wasmtime_val_raw_t *raw) {
  uint64_t results[WRIT_MAX_VALUES];
  memcpy(results, (uint64_t *)raw + im->nparams, im->nresults * sizeof *results);
  for (size_t i = 0; i < im->nresults; i++) raw[i].i64 = (int64_t)results[i];
}

static wasm_trap_t *on_import(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t n) {
  writ_fiber *f = wasmtime_context_get_data(wasmtime_caller_context(caller));
  const writ_import *im = env;
  // A start function runs on a fiber of the library's own, whose base is not
  // known: assume that the guest has used all it may.
  if (!f->stack_base) f->stack_base = (char *)__builtin_frame_address(0) + f->tmpl->stack;
  pack(im, raw);
  f->called = im;
  f->args = (uint64_t *)raw;
  for (uint8_t event = WRIT_HOST_CALL;;) {
    if (!suspend(f, event)) return ended();
    switch (f->command) {
    case WRIT_RETURN:
      unpack(im, raw);
      return NULL;
    case WRIT_CALL:
    case WRIT_ALLOCATE:
      event = perform(f);
      if (f->cancelled) return ended();
      break;
    default:
      return ended();
    }
  }
}

wasmtime_error_t *writ_base_linker(wasm_engine_t *engine, wasmtime_linker_t **out) {
  wasm_valtype_vec_t params = {0, NULL}, results = {0, NULL};
  wasm_functype_t *type = wasm_functype_new(&params, &results);
  wasmtime_linker_t *l = wasmtime_linker_new(engine);
  wasmtime_error_t *e = wasmtime_linker_define_async_func(l, "", 0, "suspend", 7, type, on_suspend, NULL, NULL);
  if (!e) e = wasmtime_linker_define_func_unchecked(l, "", 0, "root", 4, type, on_root, NULL, NULL);
  wasm_functype_delete(type);
  *out = l;
  return e;
}

static void fill_types(wasm_valtype_vec_t *vec, const uint8_t *kinds, size_t n) {
  wasm_valtype_vec_new_uninitialized(vec, n);
  for (size_t i = 0; i < n; i++) vec->data[i] = wasm_valtype_new(kinds[i]);
}

wasmtime_error_t *writ_define_import(wasmtime_linker_t *l, const char *module, size_t module_len, const char *name,
                                     size_t name_len, const uint8_t *kinds, const writ_import *im) {
  wasm_valtype_vec_t params, results;
  fill_types(&params, kinds, im->nparams);
  fill_types(&results, kinds + im->nparams, im->nresults);
  wasm_functype_t *type = wasm_functype_new(&params, &results);
  wasmtime_error_t *e = wasmtime_linker_define_func_unchecked(l, module, module_len, name, name_len, type, on_import,
                                                              (void *)im, NULL);
  wasm_functype_delete(type);
  return e;
}

writ_fiber *writ_fiber_new(const writ_template *t) {
  size_t instances = t->ninstances * sizeof(wasmtime_instance_t);
  size_t funcs = t->nslots * sizeof(wasmtime_func_t);
  size_t views = t->nviews * sizeof(writ_view);
  char *p = calloc(1, sizeof(writ_fiber) + instances + funcs + views);
  if (!p) return NULL;
  writ_fiber *f = (writ_fiber *)p;
  p += sizeof *f;
  f->tmpl = t;
  f->continuation = (wasmtime_async_continuation_t){may_continue, f, NULL};
  f->instances = (wasmtime_instance_t *)p;
  f->funcs = (wasmtime_func_t *)(p + instances);
  f->views = (writ_view *)(p + instances + funcs);
  return f;
}

void writ_fiber_delete(writ_fiber *f) { free(f); }

bool writ_fiber_open(writ_fiber *f, int64_t memory, int64_t elements, int64_t instances, int64_t tables,
                     int64_t memories) {
  const writ_template *t = f->tmpl;
  wasmtime_extern_t e;
  f->cancelled = f->idle = false;
  f->stack_base = NULL;
  f->step = -1;
  f->made = 0;
  memset(f->funcs, 0, t->nslots * sizeof *f->funcs);
  memset(f->views, 0, t->nviews * sizeof *f->views);
  f->store = wasmtime_store_new(t->engine, f, NULL);
  f->ctx = wasmtime_store_context(f->store);
  wasmtime_store_limiter(f->store, memory, elements, instances, tables, memories);
  wasmtime_context_set_epoch_deadline(f->ctx, 1);
  wasmtime_context_epoch_deadline_async_yield_and_update(f->ctx, 1);
  if (!wasmtime_linker_get(t->base, f->ctx, "", 0, "suspend", 7, &e)) return false;
  f->suspend = e.of.func;
  if (!wasmtime_linker_get(t->base, f->ctx, "", 0, "root", 4, &e)) return false;
  f->root = e.of.func;
  return true;
}

static void drop_future(writ_fiber *f) {
  wasmtime_call_future_delete(f->future);
  f->future = NULL;
  f->step = -1;
}

// Deletes the future, which resumes the fiber to unwind it.
void writ_abandon(writ_fiber *f) {
  if (!f->future) return;
  f->cancelled = true;
  drop_future(f);
  drop_failure(f->trap, f->error);
  f->trap = NULL;
  f->error = NULL;
}

void writ_fiber_close(writ_fiber *f) {
  if (f->future && f->idle) {
    f->command = WRIT_EXIT;
    writ_resume(f);
  }
  writ_abandon(f);
  drop_failure(f->trap, f->error);
  f->trap = NULL;
  f->error = NULL;
  wasmtime_store_delete(f->store);
  f->store = NULL;
}

// Stops at the first source that cannot be linked: without an error when the
// instance has no such export.
wasmtime_error_t *writ_link_exports(writ_fiber *f, wasmtime_linker_t *l, const writ_source *sources, uint32_t n,
                                    uint32_t *linked) {
  for (*linked = 0; *linked < n; ++*linked) {
    const writ_source *s = &sources[*linked];
    wasmtime_extern_t e;
    if (!wasmtime_instance_export_get(f->ctx, &f->instances[s->instance], s->from, s->from_len, &e)) return NULL;
    wasmtime_error_t *error = wasmtime_linker_define(l, f->ctx, s->module, s->module_len, s->name, s->name_len, &e);
    if (error) return error;
  }
  return NULL;
}

static void find_memories(writ_fiber *f, uint32_t instance) {
  wasmtime_extern_t e;
  for (uint32_t i = 0; i < f->tmpl->nslots; i++) {
    const writ_slot *s = &f->tmpl->slots[i];
    if (s->kind != WASMTIME_EXTERN_MEMORY || s->instance != instance) continue;
    if (!wasmtime_instance_export_get(f->ctx, &f->instances[instance], s->name, s->name_len, &e)) continue;
    if (e.kind != WASMTIME_EXTERN_MEMORY) continue;
    writ_view *v = &f->views[s->view];
    v->memory = e.of.memory;
    v->data = wasmtime_memory_data(f->ctx, &v->memory);
    v->live = true;
  }
}

void writ_template_heat(writ_template *t, writ_hot *hot) { __atomic_store_n(&t->hot, hot, __ATOMIC_RELEASE); }

// Gives an instance the pages that it is going to write to, in one go. By
// itself it would take a fault for each, and two for those it reads first, of
// which the second interrupts the other processors. A kernel that does not know
// how changes nothing.
static void populate(writ_fiber *f) {
#ifdef MADV_POPULATE_WRITE
  const writ_hot *hot = __atomic_load_n(&f->tmpl->hot, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; hot && i < hot->n; i++) {
    const writ_run *r = &hot->runs[i];
    const writ_view *v = &f->views[r->view];
    if (v->live && r->at + r->size <= v->size) madvise(v->data + r->at, r->size, MADV_POPULATE_WRITE);
  }
#endif
}

static void completed(writ_fiber *f) {
  int32_t step = f->step;
  drop_future(f);
  f->stack_base = NULL;
  if (step < 0 || f->trap || f->error) return;
  f->made = (uint32_t)step + 1;
  find_memories(f, (uint32_t)step);
  refresh_views(f);
  for (uint32_t i = 0; i < f->tmpl->nviews; i++)
    if (!f->views[i].initial) f->views[i].initial = f->views[i].size;
  if (f->made == f->tmpl->ninstances) populate(f);
}

int writ_resume(writ_fiber *f) {
  f->event = WRIT_PREEMPTED;
  f->resumed = true;
  if (!wasmtime_call_future_poll(f->future)) return f->event;
  completed(f);
  return WRIT_DONE;
}

int writ_instantiate(writ_fiber *f, uint32_t step, const wasmtime_instance_pre_t *pre) {
  f->step = (int32_t)step;
  f->trap = NULL;
  f->error = NULL;
  f->future = wasmtime_instance_pre_instantiate_async(pre, f->ctx, &f->instances[step], &f->trap, &f->error);
  return writ_resume(f);
}

int writ_instantiate_linked(writ_fiber *f, uint32_t step, const wasmtime_linker_t *l, const wasmtime_module_t *m) {
  f->step = (int32_t)step;
  f->trap = NULL;
  f->error = NULL;
  f->future = wasmtime_linker_instantiate_async(l, f->ctx, m, &f->instances[step], &f->trap, &f->error);
  return writ_resume(f);
}

int writ_start(writ_fiber *f) {
  f->trap = NULL;
  f->error = NULL;
  f->future = wasmtime_func_call_async(f->ctx, &f->root, NULL, 0, NULL, 0, &f->trap, &f->error);
  return writ_resume(f);
}
