package writ

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"

	"github.com/writ-host/writ/conformance/testserver"
)

// registryTest is a registry that has the guestbook as acme/web:1.
type registryTest struct {
	*testserver.Registry
	dir       string
	component []byte
	pinned    string // its source by digest
}

func startRegistry(t *testing.T) *registryTest {
	t.Helper()
	r := &registryTest{Registry: testserver.StartRegistry(t, "", ""), dir: t.TempDir()}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(r.dir, "cache"))
	var err error
	if r.component, err = os.ReadFile("examples/guestbook/guestbook.wasm"); err != nil {
		t.Fatal(err)
	}
	if r.pinned, err = Push(t.Context(), r.component, r.source(":1")); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *registryTest) source(reference string) string {
	return RegistryScheme + r.Address + "/acme/web" + reference
}

// load reads an app whose component has a source.
func (r *registryTest) load(t *testing.T, source string) (*App, error) {
	t.Helper()
	put(t, filepath.Join(r.dir, ManifestName), fmt.Sprintf("name = \"app\"\n[component.web]\nsource = %q\n", source))
	return LoadApp(r.dir, "")
}

func TestComponentsFromARegistry(t *testing.T) {
	r := startRegistry(t)
	for _, source := range []string{r.source(":1"), r.pinned} {
		app, err := r.load(t, source)
		if err != nil {
			t.Fatal(err)
		}
		if c := app.Components[0]; c.Source != source || c.Info.Digest != digest.FromBytes(r.component).String() {
			t.Errorf("%s: from %s, digest %s", source, c.Source, c.Info.Digest)
		}
		bare, err := LoadApp(source, "")
		if err != nil || bare.Manifest.Name != "web" || len(bare.Components) != 1 {
			t.Errorf("%s: a bare component: %+v, %v", source, bare, err)
		}
	}
	if again, err := Push(t.Context(), r.component, r.source(":2")); err != nil || again != r.pinned {
		t.Errorf("the same component is pushed as %s and %s, %v", again, r.pinned, err)
	}

	// What is kept is checked, and fetched again when it is not what it was.
	kept, err := filepath.Glob(filepath.Join(r.dir, "cache/writ/registry/sha256-*"))
	if err != nil || len(kept) != 2 {
		t.Fatal(kept, err)
	}
	for _, path := range kept {
		put(t, path, "forged")
	}
	if _, err := r.load(t, r.pinned); err != nil {
		t.Error(err)
	}

	// A digest needs no registry any more; a tag does.
	r.Kill()
	if _, err := r.load(t, r.pinned); err != nil {
		t.Error(err)
	}
	if _, err := r.load(t, r.source(":1")); err == nil || !strings.Contains(err.Error(), r.source(":1")) {
		t.Errorf("a tag without its registry: %v", err)
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	r := startRegistry(t)
	store, err := openImage(r.source(":1"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	two := r.pack(t, store, ocispec.Descriptor{}, "two", wasmLayer, wasmLayer)
	none := r.pack(t, store, ocispec.Descriptor{}, "none", "text/plain")
	for source, want := range map[string]string{
		r.source(""):   "want a tag or a digest",
		r.source(":9"): "not found",
		r.source("@sha256:" + strings.Repeat("0", 64)): "not found",
		RegistryScheme + "no name":                     "invalid reference",
		r.source("@" + string(two)):                    "it has 2 layers of type application/wasm",
		r.source("@" + string(none)):                   "it has 0 layers",
	} {
		if _, err := r.load(t, source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", source, err, want)
		}
	}
	put(t, filepath.Join(r.dir, HostConfigName), "[limits]\ncomponent = \"1KiB\"\n")
	if _, err := r.load(t, r.pinned); err == nil || !strings.Contains(err.Error(), "limits.component") {
		t.Errorf("a large component: %v", err)
	}
	if _, err := Push(t.Context(), r.component, r.pinned); err == nil || !strings.Contains(err.Error(), "want a tag") {
		t.Errorf("push by digest: %v", err)
	}
	if _, err := Push(t.Context(), []byte("text"), r.source(":3")); err == nil {
		t.Error("what is no component was pushed")
	}
}

// pack puts an image of layers with types and one annotated layer into the registry, under a tag.
func (r *registryTest) pack(t *testing.T, i *image, annotated ocispec.Descriptor, tag string, types ...string) digest.Digest {
	t.Helper()
	config, err := oras.PushBytes(t.Context(), i.repository, wasmConfig, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	var layers []ocispec.Descriptor
	for n, kind := range types {
		layer, err := oras.PushBytes(t.Context(), i.repository, kind, fmt.Append(nil, kind, n))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
	}
	if annotated.Digest != "" {
		layers = append(layers, annotated)
	}
	m, err := oras.PackManifest(t.Context(), i.repository, oras.PackManifestVersion1_1, "", oras.PackManifestOptions{Layers: layers, ConfigDescriptor: &config})
	if err == nil {
		err = i.repository.Tag(t.Context(), m, tag)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Digest
}

func TestRegistryCredentials(t *testing.T) {
	r := testserver.StartRegistry(t, "acme", "secret")
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("DOCKER_CONFIG", dir)
	component, err := os.ReadFile("examples/guestbook/guestbook.wasm")
	if err != nil {
		t.Fatal(err)
	}
	target := RegistryScheme + r.Address + "/acme/web:1"
	if _, err := Push(t.Context(), component, target); err == nil || !strings.Contains(err.Error(), "docker login "+r.Address) {
		t.Errorf("without credentials: %v", err)
	}
	login := func(password string) {
		put(t, filepath.Join(dir, "config.json"), fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, r.Address,
			base64.StdEncoding.EncodeToString([]byte("acme:"+password))))
	}
	login("guess")
	if _, err := Push(t.Context(), component, target); err == nil || strings.Contains(err.Error(), "guess") {
		t.Errorf("with a wrong password: %v", err)
	}
	login("secret")
	pinned, err := Push(t.Context(), component, target)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := Pull(t.Context(), pinned, 1<<20); err != nil || string(got) != string(component) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Signatures as cosign sign makes them count as those beside files do.
func TestSignedImages(t *testing.T) {
	r := startRegistry(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(r.dir, "acme.pub"), publicPEM(t, key))
	put(t, filepath.Join(r.dir, HostConfigName), "[signers]\nacme = \"acme.pub\"\n")
	wants := func(signer, failure string) {
		t.Helper()
		app, err := r.load(t, r.pinned)
		switch {
		case failure != "":
			if err == nil || !strings.Contains(err.Error(), failure) {
				t.Errorf("%v; want %q", err, failure)
			}
		case err != nil || app.Components[0].Signer != signer:
			t.Errorf("%+v, %v; want %q", app, err, signer)
		}
	}
	wants("", "")
	_, name, _ := strings.Cut(r.pinned, "@")
	says := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, name)
	r.sign(t, name, says, signatureOf(t, key, says))
	wants("acme", "")
	r.sign(t, name, says, signatureOf(t, mustKey(t), says))
	wants("", "none of the signers in host.toml")
	other := strings.Replace(says, name, digest.FromString("other").String(), 1)
	r.sign(t, name, other, signatureOf(t, key, other))
	wants("", "none of the signers in host.toml")
	r.Kill()
	wants("", "its signatures")
}

// sign puts a signature of what says says where that of an image is looked for.
func (r *registryTest) sign(t *testing.T, name, says, signature string) {
	t.Helper()
	i, err := openImage(r.pinned, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	layer, err := oras.PushBytes(context.Background(), i.repository, "application/vnd.dev.cosign.simplesigning.v1+json", []byte(says))
	if err != nil {
		t.Fatal(err)
	}
	layer.Annotations = map[string]string{cosignAnnotation: base64.StdEncoding.EncodeToString([]byte(signature))}
	r.pack(t, i, layer, strings.Replace(name, ":", "-", 1)+cosignTag)
}
