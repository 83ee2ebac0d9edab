/* The other half of benches/run: the apps that are supervised, and the stop watch.
 *
 * "Running" is said by the app itself: it sends one datagram with the time of CLOCK_MONOTONIC, so nothing polls.
 * Linked statically, so that an app costs as little as a process can. It decides nothing and keeps nothing.
 *
 *   app FILE-OF-SOCKET KIND [N LENGTH]     play an app (see `play`)
 *   exits ROUNDS COMMAND...                ns from spawn to exit, one a line
 *   beats SOCKET COUNT COMMAND...          ns to the first and to the COUNT-th app, then ns to the command's exit
 *   crash SOCKET ROUNDS PAUSE_MS           kill the app that says hello; ns until the next one says hello
 *   again SOCKET ROUNDS                    ns between one hello and the next
 *   spawns SOCKET COUNT COMMAND...         the floor for many: spawn them all bare; ns until all said hello
 *   keeper SOCKET ROUNDS COMMAND...        the floor for a crash: a bare loop of wait and spawn
 *   lag ROUNDS COMMAND...                  ns from a line's writing to its arrival at COMMAND's output
 *   true                                   exit at once
 *   fill FILE BYTES SOCKET                 ns from the app's hello until FILE holds BYTES
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct hello {
    int64_t pid;
    int64_t at;
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "stage: could not %s: %s\n", what, strerror(errno));
    exit(70);
}

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        fail("use that socket");
    }
    strcpy(at.sun_path, path);
    return at;
}

/* An app says hello and goes on even where nobody listens (peers restart their apps whenever they like). */
static void greet(const char *path) {
    struct sockaddr_un at = address(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct hello hello = {.pid = getpid(), .at = now()};
    sendto(fd, &hello, sizeof hello, 0, (struct sockaddr *)&at, sizeof at);
    close(fd);
}

static int listener(const char *path) {
    struct sockaddr_un at = address(path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) fail("listen");
    return fd;
}

/* The next hello, or the end of the program: what takes longer than `seconds` has failed. */
static struct hello hear(int fd, int seconds) {
    struct hello hello;
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int ready = poll(&one, 1, seconds * 1000);
    if (ready == 0) errno = ETIMEDOUT;
    if (ready != 1 || recv(fd, &hello, sizeof hello, 0) != sizeof hello) fail("hear the app");
    return hello;
}

static pid_t start(char **command, int output) {
    pid_t pid;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (output < 0) {
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    } else {
        posix_spawn_file_actions_adddup2(&files, output, 1);
        posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    }
    errno = posix_spawnp(&pid, command[0], &files, NULL, command, environ);
    if (errno != 0) fail("start the command");
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

static void must_succeed(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) fail("wait");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "stage: the command failed with status %d\n", status);
        exit(71);
    }
}

static void put(int64_t ns) {
    printf("%lld\n", (long long)ns);
    fflush(stdout);
}

static void pause_ms(int ms) { poll(NULL, 0, ms); }

static void all(const char *from, size_t size) {
    while (size > 0) {
        ssize_t wrote = write(1, from, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) exit(1);
        from += wrote;
        size -= (size_t)wrote;
    }
}

static void late(int signal) {
    (void)signal;
    poll(NULL, 0, 10000);
    _exit(0);
}

static int play(int count, char **args) {
    const char *path = args[0], *kind = args[1];
    long number = count > 2 ? atol(args[2]) : 0, length = count > 3 ? atol(args[3]) : 100;
    if (strcmp(kind, "late") == 0) { /* takes 10 s to stop */
        signal(SIGTERM, late);
        signal(SIGINT, late);
    }
    greet(path);
    if (strcmp(kind, "once") == 0) return 0;
    if (strcmp(kind, "lines") == 0) { /* so many lines, one write each, or chunks of that length */
        char *line = malloc((size_t)length);
        memset(line, 'x', (size_t)length);
        for (long at = 99; at < length; at += 100) line[at] = '\n';
        line[length - 1] = '\n';
        for (long left = number; left > 0; left--) all(line, (size_t)length);
    }
    if (strcmp(kind, "flood") == 0) {
        char line[100];
        memset(line, 'y', sizeof line);
        line[99] = '\n';
        for (;;) all(line, sizeof line);
    }
    if (strcmp(kind, "ticks") == 0) { /* a line that says when it was written, every so many ms */
        char line[64];
        for (;;) {
            int size = snprintf(line, sizeof line, "tick %lld\n", (long long)now());
            all(line, (size_t)size);
            pause_ms((int)number);
        }
    }
    for (;;) pause();
}

static int exits(int rounds, char **command) {
    while (rounds-- > 0) {
        int64_t from = now();
        must_succeed(start(command, -1));
        put(now() - from);
    }
    return 0;
}

static int beats(const char *path, int count, char **command) {
    int fd = listener(path);
    int64_t from = now(), first = 0, last = 0;
    pid_t pid = start(command, -1);
    for (int heard = 0; heard < count; heard++) {
        struct hello hello = hear(fd, 300);
        if (heard == 0 || hello.at < first) first = hello.at;
        if (hello.at > last) last = hello.at;
    }
    put(first - from);
    put(last - from);
    must_succeed(pid);
    put(now() - from);
    return 0;
}

static int crash(const char *path, int rounds, int pause) {
    int fd = listener(path);
    struct hello hello = hear(fd, 30);
    while (rounds-- > 0) {
        pause_ms(pause);
        int64_t from = now();
        if (kill((pid_t)hello.pid, SIGKILL) != 0) fail("kill the app");
        hello = hear(fd, 30);
        put(hello.at - from);
    }
    return 0;
}

static int again(const char *path, int rounds) {
    int fd = listener(path);
    struct hello before = hear(fd, 30);
    while (rounds-- > 0) {
        struct hello next = hear(fd, 30);
        put(next.at - before.at);
        before = next;
    }
    return 0;
}

static int spawns(const char *path, int count, char **command) {
    int fd = listener(path);
    pid_t *pids = malloc(sizeof(pid_t) * (size_t)count);
    int64_t from = now(), last = 0;
    int heard = 0;
    for (int index = 0; index < count; index++) {
        pids[index] = start(command, -1);
        /* A datagram socket holds few messages; its senders would wait. */
        struct pollfd one = {.fd = fd, .events = POLLIN};
        while (heard < count && poll(&one, 1, 0) == 1) {
            last = hear(fd, 1).at;
            heard++;
        }
    }
    for (; heard < count; heard++) last = hear(fd, 60).at;
    put(last - from);
    from = now();
    for (int index = 0; index < count; index++) kill(pids[index], SIGTERM);
    for (int index = 0; index < count; index++) waitpid(pids[index], NULL, 0);
    put(now() - from);
    return 0;
}

static int keeper(const char *path, int rounds, char **command) {
    int fd = listener(path);
    pid_t supervisor = fork();
    if (supervisor == 0) {
        for (;;) {
            pid_t pid = start(command, -1);
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        }
    }
    struct hello hello = hear(fd, 30);
    while (rounds-- > 0) {
        pause_ms(20);
        int64_t from = now();
        kill((pid_t)hello.pid, SIGKILL);
        hello = hear(fd, 30);
        put(hello.at - from);
    }
    kill(supervisor, SIGKILL);
    kill((pid_t)hello.pid, SIGKILL);
    waitpid(supervisor, NULL, 0);
    return 0;
}

static int lag(int rounds, char **command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("make a pipe");
    pid_t pid = start(command, ends[1]);
    close(ends[1]);
    char buffer[1 << 16];
    size_t held = 0;
    int64_t since = now();
    while (rounds > 0) {
        ssize_t got = read(ends[0], buffer + held, sizeof buffer - held);
        int64_t at = now();
        if (got <= 0) fail("read the lines");
        held += (size_t)got;
        char *from = buffer, *end;
        while ((end = memchr(from, '\n', held - (size_t)(from - buffer))) != NULL) {
            *end = 0;
            char *tick = strstr(from, "tick ");
            /* Lines from before we looked are history, not news. */
            if (tick != NULL && rounds > 0) {
                int64_t written = atoll(tick + 5);
                if (written > since + 500000000) {
                    put(at - written);
                    rounds--;
                }
            }
            from = end + 1;
        }
        held -= (size_t)(from - buffer);
        memmove(buffer, from, held);
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return 0;
}

/* Looks every 100 us, which is a thousandth of what is measured. */
static int fill(const char *file, int64_t bytes, const char *path) {
    int fd = listener(path);
    printf("listening\n");
    fflush(stdout);
    int64_t from = hear(fd, 60).at, began = from;
    struct stat seen;
    struct timespec nap = {.tv_nsec = 100000};
    while (stat(file, &seen) != 0 || seen.st_size < bytes) {
        nanosleep(&nap, NULL);
        if (now() - began > 120000000000LL) {
            errno = ETIMEDOUT;
            fail("wait for the file");
        }
    }
    put(now() - from);
    return 0;
}

int main(int count, char **args) {
    const char *verb = count > 1 ? args[1] : "";
    if (count >= 4 && strcmp(verb, "app") == 0) return play(count - 2, args + 2);
    if (count >= 4 && strcmp(verb, "exits") == 0) return exits(atoi(args[2]), args + 3);
    if (count >= 5 && strcmp(verb, "beats") == 0) return beats(args[2], atoi(args[3]), args + 4);
    if (count == 5 && strcmp(verb, "crash") == 0) return crash(args[2], atoi(args[3]), atoi(args[4]));
    if (count == 4 && strcmp(verb, "again") == 0) return again(args[2], atoi(args[3]));
    if (count >= 5 && strcmp(verb, "spawns") == 0) return spawns(args[2], atoi(args[3]), args + 4);
    if (count >= 5 && strcmp(verb, "keeper") == 0) return keeper(args[2], atoi(args[3]), args + 4);
    if (count >= 4 && strcmp(verb, "lag") == 0) return lag(atoi(args[2]), args + 3);
    if (count == 5 && strcmp(verb, "fill") == 0) return fill(args[2], atoll(args[3]), args[4]);
    if (strcmp(verb, "true") == 0) return 0;
    fprintf(stderr, "stage: read the first lines of stage.c\n");
    return 64;
}
