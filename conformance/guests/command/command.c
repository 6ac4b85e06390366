// A program for WASI that does one small thing for each of its verbs, so that a
// test can see what reaches it: arguments, input, files, variables, exit codes.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int failed(const char *what) {
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 3;
}

static int list(const char *path) {
	DIR *d = opendir(path);
	if (!d) return failed(path);
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) puts(e->d_name);
	return closedir(d);
}

static int copy(FILE *from, FILE *to) {
	char buf[4096];
	for (size_t n; (n = fread(buf, 1, sizeof buf, from)) > 0;)
		if (fwrite(buf, 1, n, to) != n) return failed("write");
	return ferror(from) ? failed("read") : 0;
}

static int cat(const char *path) {
	FILE *f = fopen(path, "r");
	if (!f) return failed(path);
	int code = copy(f, stdout);
	fclose(f);
	return code;
}

static int put(const char *path, const char *mode, const char *text) {
	FILE *f = fopen(path, mode);
	if (!f) return failed(path);
	if (fputs(text, f) < 0 || fclose(f)) return failed(path);
	return 0;
}

static int describe(const char *path) {
	struct stat s;
	if (lstat(path, &s)) return failed(path);
	printf("%s %lld\n", S_ISDIR(s.st_mode) ? "dir" : S_ISLNK(s.st_mode) ? "link" : "file", (long long)s.st_size);
	return 0;
}

static int done(int result, const char *what) { return result ? failed(what) : 0; }

int main(int argc, char **argv) {
	const char *verb = argc > 1 ? argv[1] : "args", *a = argc > 2 ? argv[2] : "", *b = argc > 3 ? argv[3] : "";
	if (!strcmp(verb, "args")) {
		for (int i = 0; i < argc; i++) puts(argv[i]);
		return 0;
	}
	if (!strcmp(verb, "upper")) { // streams: answers each piece of input at once
		char buf[256];
		for (ssize_t n; (n = read(0, buf, sizeof buf)) > 0;) {
			for (ssize_t i = 0; i < n; i++)
				if (buf[i] >= 'a' && buf[i] <= 'z') buf[i] -= 32;
			if (write(1, buf, n) != n) return failed("write");
		}
		return 0;
	}
	if (!strcmp(verb, "copy")) return copy(stdin, stdout);
	if (!strcmp(verb, "exit")) return atoi(a);
	if (!strcmp(verb, "trap")) __builtin_trap();
	if (!strcmp(verb, "spin")) for (volatile int i = 0;; i++);
	if (!strcmp(verb, "env")) return getenv(a) ? puts(getenv(a)) < 0 : 4;
	if (!strcmp(verb, "tty")) return printf("%d%d%d\n", isatty(0), isatty(1), isatty(2)) < 0;
	if (!strcmp(verb, "sleep")) return usleep(1000 * atoi(a));
	if (!strcmp(verb, "time")) return printf("%lld\n", (long long)time(0)) < 0;
	if (!strcmp(verb, "random")) {
		unsigned char r[8];
		if (getentropy(r, sizeof r)) return failed("getentropy");
		for (int i = 0; i < 8; i++) printf("%02x", r[i]);
		return puts("") < 0;
	}
	if (!strcmp(verb, "ls")) return list(a);
	if (!strcmp(verb, "cat")) return cat(a);
	if (!strcmp(verb, "put")) return put(a, "w", b);
	if (!strcmp(verb, "append")) return put(a, "a", b);
	if (!strcmp(verb, "stat")) return describe(a);
	if (!strcmp(verb, "mkdir")) return done(mkdir(a, 0777), a);
	if (!strcmp(verb, "rmdir")) return done(rmdir(a), a);
	if (!strcmp(verb, "rm")) return done(unlink(a), a);
	if (!strcmp(verb, "mv")) return done(rename(a, b), a);
	if (!strcmp(verb, "ln")) return done(link(a, b), a);
	if (!strcmp(verb, "ln-s")) return done(symlink(a, b), b);
	if (!strcmp(verb, "truncate")) return done(truncate(a, atoi(b)), a);
	fprintf(stderr, "no verb %s\n", verb);
	return 2;
}
