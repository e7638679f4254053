/* A client that makes a new TLS connection for each request and never offers to resume an old session. h2load resumes
 * when it reconnects, and wrk can't name a site in SNI, so neither can measure full handshakes.
 *
 * Usage: handshakes PORT HOST THREADS SECONDS
 * Prints "<done> <seconds> <p99 in microseconds> <failed connections> <failed handshakes> <not 200> <resumed>".
 *
 * The few functions of OpenSSL 3 are declared here, so that its headers need not be installed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_method_st SSL_METHOD;
const SSL_METHOD *TLS_client_method(void);
SSL_CTX *SSL_CTX_new(const SSL_METHOD *);
int SSL_CTX_set_alpn_protos(SSL_CTX *, const unsigned char *, unsigned);
SSL *SSL_new(SSL_CTX *);
void SSL_free(SSL *);
int SSL_set_fd(SSL *, int);
long SSL_ctrl(SSL *, int, long, void *);
int SSL_connect(SSL *);
int SSL_session_reused(const SSL *);
int SSL_read(SSL *, void *, int);
int SSL_write(SSL *, const void *, int);
int SSL_shutdown(SSL *);
enum { SERVER_NAME = 55, HOST_NAME = 0 };

enum { THREADS_MAX = 1024, SECONDS_MAX = 3600, TIMEOUT_SECONDS = 5, SAMPLES_MAX = 1 << 20 };

struct tally {
    pthread_t thread;
    unsigned *micros;
    size_t done;
    unsigned long not_connected, no_handshake, not_200, resumed;
};

static SSL_CTX *context;
static struct sockaddr_in server;
static char host[256], request[512];
static double deadline;
static size_t samples_max;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int connect_plain(void)
{
    int on = 1, file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(file, (struct sockaddr *)&server, sizeof server) == 0)
        return file;
    close(file);
    return -1;
}

static int answered_200(SSL *connection)
{
    static const char GOOD[] = "HTTP/1.1 200";
    char answer[16384];
    int length = 0, more;
    if (SSL_write(connection, request, strlen(request)) <= 0)
        return 0;
    while (length < (int)sizeof answer && (more = SSL_read(connection, answer + length, sizeof answer - length)) > 0)
        length += more;
    return length > (int)sizeof GOOD && memcmp(answer, GOOD, sizeof GOOD - 1) == 0;
}

/* Returns 1 when everything went well, else counts what did not. */
static int ask(SSL *connection, struct tally *tally)
{
    SSL_ctrl(connection, SERVER_NAME, HOST_NAME, host);
    if (SSL_connect(connection) != 1) {
        tally->no_handshake++;
        return 0;
    }
    tally->resumed += SSL_session_reused(connection);
    int good = answered_200(connection);
    tally->not_200 += !good;
    SSL_shutdown(connection);
    return good;
}

static void *keep_asking(void *argument)
{
    struct tally *tally = argument;
    while (tally->done < samples_max) {
        double began = now();
        if (began >= deadline)
            break;
        int file = connect_plain();
        if (file < 0) {
            tally->not_connected++;
            continue;
        }
        SSL *connection = SSL_new(context);
        SSL_set_fd(connection, file);
        if (ask(connection, tally))
            tally->micros[tally->done++] = (now() - began) * 1e6;
        SSL_free(connection);
        close(file);
    }
    return NULL;
}

static int by_size(const void *one, const void *other)
{
    unsigned left = *(const unsigned *)one, right = *(const unsigned *)other;
    return (left > right) - (left < right);
}

static void print_sum(struct tally *tallies, int threads, double seconds)
{
    struct tally sum = {0};
    unsigned *all = calloc(samples_max * threads + 1, sizeof *all);
    for (int at = 0; at < threads; at++) {
        memcpy(all + sum.done, tallies[at].micros, tallies[at].done * sizeof *all);
        sum.done += tallies[at].done;
        sum.not_connected += tallies[at].not_connected;
        sum.no_handshake += tallies[at].no_handshake;
        sum.not_200 += tallies[at].not_200;
        sum.resumed += tallies[at].resumed;
    }
    qsort(all, sum.done, sizeof *all, by_size);
    printf("%zu %.6f %u %lu %lu %lu %lu\n", sum.done, seconds, all[sum.done * 99 / 100], sum.not_connected,
           sum.no_handshake, sum.not_200, sum.resumed);
}

int main(int count, char **arguments)
{
    static const unsigned char HTTP_1_1[] = "\x08http/1.1";
    static struct tally tallies[THREADS_MAX];
    int threads = count == 5 ? atoi(arguments[3]) : 0, seconds = count == 5 ? atoi(arguments[4]) : 0;
    if (threads < 1 || threads > THREADS_MAX || seconds < 1 || seconds > SECONDS_MAX) {
        fprintf(stderr, "usage: handshakes PORT HOST THREADS SECONDS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons(atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    snprintf(host, sizeof host, "%s", arguments[2]);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(context, HTTP_1_1, sizeof HTTP_1_1 - 1);
    samples_max = SAMPLES_MAX / threads;
    double began = now();
    deadline = began + seconds;
    for (int at = 0; at < threads; at++) {
        tallies[at].micros = calloc(samples_max, sizeof(unsigned));
        pthread_create(&tallies[at].thread, NULL, keep_asking, &tallies[at]);
    }
    for (int at = 0; at < threads; at++)
        pthread_join(tallies[at].thread, NULL);
    print_sum(tallies, threads, now() - began);
}
