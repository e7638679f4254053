/* The app behind every proxy of the benchmark: a fixed answer of 36 bytes over keep-alive HTTP/1.1, made as cheap
 * as one thread and epoll can, so that what is measured is the proxy. It reads requests without a body only.
 * GET /-/counts answers "<connections> <requests>" so far, which shows whether a proxy keeps its connections. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILES_MAX = 65536, EVENTS_MAX = 256, BYTES_MAX = 16384 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 36\r\n"
                             "\r\n"
                             "thirty-six bytes of answer, exactly\n";
static const char COUNTS[] = "GET /-/counts ";

/* How much of the blank line that ends a request each connection has seen. */
static unsigned char blank_line[FILES_MAX];
static unsigned long connections, requests;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (listener < 0)
        fail("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        fail("bind");
    if (listen(listener, 4096) < 0)
        fail("listen");
    return listener;
}

/* A socket that listens already, as Ondol hands it on. */
static int listen_on_file(int file)
{
    if (fcntl(file, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    return file;
}

static void accept_all(int poll, int listener)
{
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int on = 1;
        if (connection < 0)
            return;
        if (connection >= FILES_MAX) {
            close(connection);
            continue;
        }
        connections++;
        blank_line[connection] = 0;
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connection};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connection, &event) < 0)
            close(connection);
    }
}

static int requests_ended(int connection, const char *bytes, ssize_t length)
{
    static const char END[] = "\r\n\r\n";
    unsigned char seen = blank_line[connection];
    int ended = 0;
    for (ssize_t at = 0; at < length; at++) {
        seen = bytes[at] == END[seen] ? seen + 1 : bytes[at] == '\r';
        if (seen == 4) {
            ended++;
            seen = 0;
        }
    }
    blank_line[connection] = seen;
    return ended;
}

static int send_all(int connection, const char *bytes, size_t length)
{
    return send(connection, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static int answer_counts(int connection)
{
    char body[64], answer[256];
    int body_length = snprintf(body, sizeof body, "%lu %lu\n", connections, requests);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
                          body_length, body);
    send_all(connection, answer, length);
    return 0;
}

/* Returns 0 when the connection is over. */
static int serve(int connection)
{
    char bytes[BYTES_MAX];
    ssize_t length = recv(connection, bytes, sizeof bytes, 0);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR;
    if (length == 0)
        return 0;
    if (length > (ssize_t)sizeof COUNTS && memcmp(bytes, COUNTS, sizeof COUNTS - 1) == 0)
        return answer_counts(connection);
    for (int left = requests_ended(connection, bytes, length); left > 0; left--) {
        requests++;
        if (!send_all(connection, ANSWER, sizeof ANSWER - 1))
            return 0;
    }
    return 1;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: upstream PORT|fd:NUMBER\n");
        return 2;
    }
    int is_file = strncmp(arguments[1], "fd:", 3) == 0;
    int listener = is_file ? listen_on_file(atoi(arguments[1] + 3)) : listen_on(atoi(arguments[1]));
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS_MAX];
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) < 0)
        fail("epoll");
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int at = 0; at < ready; at++) {
            int file = events[at].data.fd;
            if (file == listener)
                accept_all(poll, listener);
            else if (!serve(file))
                close(file);
        }
    }
}
