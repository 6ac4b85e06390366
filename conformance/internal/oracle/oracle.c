#include "oracle.h"

static void forget_handles(writ_oracle *o) {
  for (size_t i = 0; i < o->nhandles; i++) {
    if (o->handles[i]) wasmtime_component_resource_any_delete(o->handles[i]);
  }
  o->nhandles = 0;
}

static void forget_instance(writ_oracle *o) {
  forget_handles(o);
  if (o->store) wasmtime_store_delete(o->store);
  o->store = NULL;
}

wasmtime_error_t *writ_oracle_load(writ_oracle *o, const uint8_t *bytes, size_t size) {
  if (!o->engine) o->engine = wasm_engine_new();
  forget_instance(o);
  if (o->component) wasmtime_component_delete(o->component);
  if (o->linker) wasmtime_component_linker_delete(o->linker);
  o->component = NULL;
  o->rest_linked = false;
  o->linker = wasmtime_component_linker_new(o->engine);
  wasmtime_error_t *err = writ_oracle_define(o);
  return err ? err : wasmtime_component_new(o->engine, bytes, size, &o->component);
}

wasmtime_error_t *writ_oracle_instantiate(writ_oracle *o) {
  forget_instance(o);
  o->dropped = 0;
  o->store = wasmtime_store_new(o->engine, NULL, NULL);
  return wasmtime_component_linker_instantiate(o->linker, wasmtime_store_context(o->store), o->component,
                                               &o->instance);
}

bool writ_oracle_find(writ_oracle *o, const char *name, size_t len, wasmtime_component_func_t *f) {
  wasmtime_component_export_index_t *i = wasmtime_component_get_export_index(o->component, NULL, name, len);
  if (!i) return false;
  bool ok = wasmtime_component_instance_get_func(&o->instance, wasmtime_store_context(o->store), i, f);
  wasmtime_component_export_index_delete(i);
  return ok;
}

bool writ_oracle_call(writ_oracle *o, const char *name, size_t len, const uint8_t *in, size_t size, size_t nargs,
               size_t nresults, writ_oracle_writer *out, wasmtime_error_t **err) {
  wasmtime_component_func_t f;
  wasmtime_component_val_t args[16], results[1];
  writ_oracle_reader r = {in, in + size, o};
  if (!o->store || nargs > 16 || nresults > 1 || !writ_oracle_find(o, name, len, &f)) return false;
  memset(results, 0, sizeof results);
  for (size_t i = 0; i < nargs; i++) {
    if (!writ_oracle_decode(&r, &args[i])) return false;
  }
  wasmtime_context_t *ctx = wasmtime_store_context(o->store);
  *err = wasmtime_component_func_call(&f, ctx, args, nargs, results, nresults);
  for (size_t i = 0; i < nargs; i++) wasmtime_component_val_delete(&args[i]);
  if (*err) return true;
  if (nresults > 0) {
    writ_oracle_encode(out, o, &results[0]);
    wasmtime_component_val_delete(&results[0]);
  }
  *err = wasmtime_component_func_post_return(&f, ctx);
  return true;
}

bool writ_oracle_drop(writ_oracle *o, uint32_t i, wasmtime_error_t **err) {
  if (!o->store || i >= o->nhandles || !o->handles[i]) return false;
  *err = wasmtime_component_resource_any_drop(wasmtime_store_context(o->store), o->handles[i]);
  return true;
}
