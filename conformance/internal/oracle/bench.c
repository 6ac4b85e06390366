#include "oracle.h"

// The engine reuses memories and tables, with limits that fit the largest guests.
void writ_oracle_pooled(writ_oracle *o) {
  wasm_config_t *c = wasm_config_new();
  writ_oracle_pool *p = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_max_memory_size_set(p, 256 << 20);
  wasmtime_pooling_allocation_config_table_elements_set(p, 100000);
  wasmtime_pooling_allocation_config_max_component_instance_size_set(p, 16 << 20);
  wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(p, 64 << 10);
  wasmtime_pooling_allocation_config_table_keep_resident_set(p, 64 << 10);
  wasmtime_pooling_allocation_strategy_set(c, p);
  wasmtime_pooling_allocation_config_delete(p);
  o->engine = wasm_engine_new_with_config(c);
}

struct writ_oracle_prepared {
  wasmtime_context_t *ctx;
  wasmtime_component_func_t f;
  wasmtime_component_val_t args[16];
  size_t nargs;
};

writ_oracle_prepared *writ_oracle_prepare(writ_oracle *o, const char *name, size_t len, const uint8_t *in, size_t size,
                                          size_t nargs) {
  writ_oracle_reader r = {in, in + size, o};
  writ_oracle_prepared *p = calloc(1, sizeof *p);
  if (!p || !o->store || nargs > 16 || !writ_oracle_find(o, name, len, &p->f)) return NULL;
  p->ctx = wasmtime_store_context(o->store);
  for (; p->nargs < nargs; p->nargs++) {
    if (!writ_oracle_decode(&r, &p->args[p->nargs])) return NULL;
  }
  return p;
}

wasmtime_error_t *writ_oracle_repeat(const writ_oracle_prepared *p) {
  wasmtime_error_t *err = wasmtime_component_func_call(&p->f, p->ctx, p->args, p->nargs, NULL, 0);
  return err ? err : wasmtime_component_func_post_return(&p->f, p->ctx);
}

void writ_oracle_forget(writ_oracle_prepared *p) {
  for (size_t i = 0; i < p->nargs; i++) wasmtime_component_val_delete(&p->args[i]);
  free(p);
}

wasmtime_error_t *writ_oracle_link_rest(writ_oracle *o) {
  if (o->rest_linked) return NULL;
  o->rest_linked = true;
  return wasmtime_component_linker_define_unknown_imports_as_traps(o->linker, o->component);
}

wasmtime_error_t *writ_oracle_once(writ_oracle *o) {
  wasmtime_component_instance_t instance;
  wasmtime_store_t *store = wasmtime_store_new(o->engine, NULL, NULL);
  wasmtime_error_t *err =
      wasmtime_component_linker_instantiate(o->linker, wasmtime_store_context(store), o->component, &instance);
  wasmtime_store_delete(store);
  return err;
}
