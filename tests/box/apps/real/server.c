/* A server without any library at run time: it takes connections from the socket that it was handed, one answer each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HANDED = 3, BYTES_MAX = 8192 };

static int read_head(int visitor)
{
    char head[BYTES_MAX + 1];
    size_t length = 0;
    while (length < BYTES_MAX) {
        ssize_t more = read(visitor, head + length, BYTES_MAX - length);
        if (more <= 0)
            return 0;
        length += (size_t)more;
        head[length] = 0;
        if (strstr(head, "\r\n\r\n"))
            return 1;
    }
    return 0;
}

int main(void)
{
    const char *greeting = getenv("GREETING");
    for (;;) {
        int visitor = accept(HANDED, NULL, NULL);
        if (visitor < 0)
            return 1;
        if (read_head(visitor)) {
            char body[256];
            snprintf(body, sizeof body, "version=%s pid=%d greeting=%s\n", VERSION, (int)getpid(), greeting ? greeting : "");
            dprintf(visitor, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(body), body);
        }
        close(visitor);
    }
}
