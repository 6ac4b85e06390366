#include "oracle.h"

#define WRIT_CALLBACK(name)                                                                                            \
  static wasmtime_error_t *name(void *env, wasmtime_context_t *ctx, const wasmtime_component_func_type_t *type,        \
                                wasmtime_component_val_t *args, size_t nargs, wasmtime_component_val_t *results,       \
                                size_t nresults)
#define WRIT_UNUSED (void)env, (void)ctx, (void)type, (void)args, (void)nargs, (void)results, (void)nresults

// Returns its first argument.
WRIT_CALLBACK(echo) {
  WRIT_UNUSED;
  if (nargs > 0 && nresults > 0) wasmtime_component_val_clone(&args[0], &results[0]);
  return NULL;
}

// Takes anything, in Go, as a host's functions would.
void writ_oracle_go_sink(wasmtime_component_val_t *, size_t);
WRIT_CALLBACK(sink) {
  WRIT_UNUSED;
  writ_oracle_go_sink(args, nargs);
  return NULL;
}

// The host's own resource: its representation is its value.
enum { WRIT_RESOURCE = 1 };

static void end(writ_oracle *o, uint32_t rep) { o->dropped = o->dropped * 31 + rep; }

static wasmtime_error_t *destroy(void *env, wasmtime_context_t *ctx, uint32_t rep) {
  (void)ctx;
  end(env, rep);
  return NULL;
}

WRIT_CALLBACK(make) {
  WRIT_UNUSED;
  wasmtime_component_resource_host_t *r = wasmtime_component_resource_host_new(true, args[0].of.u32, WRIT_RESOURCE);
  results[0].kind = WASMTIME_COMPONENT_RESOURCE;
  wasmtime_error_t *err = wasmtime_component_resource_host_to_any(ctx, r, &results[0].of.resource);
  wasmtime_component_resource_host_delete(r);
  return err;
}

static wasmtime_error_t *rep_of(wasmtime_context_t *ctx, const wasmtime_component_val_t *v, uint32_t *rep) {
  wasmtime_component_resource_host_t *r;
  wasmtime_error_t *err = wasmtime_component_resource_any_to_host(ctx, v->of.resource, &r);
  if (err) return err;
  *rep = wasmtime_component_resource_host_rep(r);
  wasmtime_component_resource_host_delete(r);
  return NULL;
}

// The value of a borrowed resource.
WRIT_CALLBACK(value) {
  WRIT_UNUSED;
  results[0].kind = WASMTIME_COMPONENT_U32;
  return rep_of(ctx, &args[0], &results[0].of.u32);
}

// Takes a resource, ends it, and returns its value.
WRIT_CALLBACK(take) {
  WRIT_UNUSED;
  results[0].kind = WASMTIME_COMPONENT_U32;
  wasmtime_error_t *err = rep_of(ctx, &args[0], &results[0].of.u32);
  if (!err) end(env, results[0].of.u32);
  return err;
}

WRIT_CALLBACK(dropped) {
  WRIT_UNUSED;
  results[0].kind = WASMTIME_COMPONENT_U32;
  results[0].of.u32 = ((writ_oracle *)env)->dropped;
  return NULL;
}

static wasmtime_error_t *add(writ_oracle *o, wasmtime_component_linker_instance_t *to, const char *name,
                             wasmtime_component_func_callback_t f) {
  return wasmtime_component_linker_instance_add_func(to, name, strlen(name), f, o, NULL);
}

static wasmtime_error_t *define_resource(writ_oracle *o, wasmtime_component_linker_instance_t *r) {
  wasmtime_component_resource_type_t *type = wasmtime_component_resource_type_new_host(WRIT_RESOURCE);
  wasmtime_error_t *err = wasmtime_component_linker_instance_add_resource(r, "r", 1, type, destroy, o, NULL);
  wasmtime_component_resource_type_delete(type);
  if (!err) err = add(o, r, "make", make);
  if (!err) err = add(o, r, "value", value);
  if (!err) err = add(o, r, "take", take);
  return err ? err : add(o, r, "dropped", dropped);
}

wasmtime_error_t *writ_oracle_define(writ_oracle *o) {
  wasmtime_component_linker_instance_t *root = wasmtime_component_linker_root(o->linker), *r = NULL;
  wasmtime_error_t *err = add(o, root, "echo", echo);
  if (!err) err = add(o, root, "sink", sink);
  if (!err) err = wasmtime_component_linker_instance_add_instance(root, "r", 1, &r);
  if (!err) err = define_resource(o, r);
  if (r) wasmtime_component_linker_instance_delete(r);
  wasmtime_component_linker_instance_delete(root);
  return err;
}
