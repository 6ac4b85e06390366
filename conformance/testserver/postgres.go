package testserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Password is the one of PostgreSQL's user postgres.
const Password = "correct horse"

// Postgres is a PostgreSQL server.
type Postgres struct {
	Address string
	dir     string
	process *exec.Cmd
}

// ForPostgres is the server's, or skips the test when there is no such program.
func ForPostgres(t testing.TB, p *Postgres, err error) *Postgres {
	t.Helper()
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("there is no PostgreSQL server: apt-get install postgresql")
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// StartPostgres starts a server; the error is os.ErrNotExist where there is no
// program. With a certificate and its key, in files, it speaks TLS, and with
// everybody but the user postgres nothing else.
func StartPostgres(certificate ...string) (p *Postgres, err error) {
	initdb, err := program("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := program("postgres")
	if err != nil {
		return nil, err
	}
	p = &Postgres{}
	if p.dir, err = os.MkdirTemp("", "writ-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(p.dir)
		}
	}()
	attr, err := unprivileged(p.dir)
	if err != nil {
		return nil, err
	}
	secret, data := filepath.Join(p.dir, "password"), filepath.Join(p.dir, "data")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(initdb, "-D", data, "-U", "postgres", "--auth=scram-sha-256", "--pwfile="+secret, "--no-sync", "-E", "UTF8", "--locale=C")
	cmd.SysProcAttr, cmd.Dir = attr, p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p.Address = "127.0.0.1:" + strconv.Itoa(port)
	p.process = exec.Command(postgres, "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
		"-c", "unix_socket_directories="+p.dir, "-c", "max_connections=150")
	if len(certificate) == 2 {
		tls, err := p.withTLS(data, certificate[0], certificate[1], attr)
		if err != nil {
			return nil, err
		}
		p.process.Args = append(p.process.Args, tls...)
	}
	p.process.SysProcAttr, p.process.Dir = attr, p.dir
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	if err := ready(func() error { _, err := p.Exec("SELECT 1"); return err }); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// withTLS has the server take TLS only, and returns the arguments for that. Its
// key has to be its own.
func (p *Postgres) withTLS(data, certificate, key string, attr *syscall.SysProcAttr) ([]string, error) {
	var args []string
	for name, from := range map[string]string{"ssl_cert_file": certificate, "ssl_key_file": key} {
		b, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		own := filepath.Join(p.dir, name)
		if err := os.WriteFile(own, b, 0o600); err != nil {
			return nil, err
		}
		if attr != nil && attr.Credential != nil {
			if err := os.Chown(own, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
				return nil, err
			}
		}
		args = append(args, "-c", name+"="+own)
	}
	rules := "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
	return append(args, "-c", "ssl=on"), os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(rules), 0o600)
}

// Exec runs statements as the user postgres, and answers the first column of
// the last one's rows as text.
func (p *Postgres) Exec(sql string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	pg, err := pgconn.Connect(ctx, "postgres://postgres:"+url.PathEscape(Password)+"@"+p.Address+"/postgres?sslmode=disable")
	if err != nil {
		return nil, err
	}
	defer pg.Close(ctx)
	results, err := pg.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	var column []string
	for _, row := range results[len(results)-1].Rows {
		column = append(column, string(row[0]))
	}
	return column, nil
}

// Stop ends the server, and removes what it kept.
func (p *Postgres) Stop() {
	_ = p.process.Process.Signal(syscall.SIGQUIT)
	_ = p.process.Wait()
	_ = os.RemoveAll(p.dir)
}
