/* Prints a greeting, or serves it over HTTP: `greeter --serve PORT`. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *greeting(void)
{
    const char *text = getenv("GREETING");
    return text ? text : "Hello from greeter";
}

/* Answers one request, whatever it asks for. */
static void answer(int client)
{
    char request[4096];
    char response[1024];
    const char *text = greeting();
    int length;

    if (read(client, request, sizeof request) <= 0)
        return;
    length = snprintf(response, sizeof response,
                      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                      "Connection: close\r\n\r\n%s\n",
                      strlen(text) + 1, text);
    if (length > 0 && (size_t)length < sizeof response && write(client, response, length) < 0)
        perror("write");
}

static int serve(int port)
{
    struct sockaddr_in address = {0};
    int yes = 1;
    int server = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server < 0 || setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0
        || bind(server, (struct sockaddr *)&address, sizeof address) < 0
        || listen(server, 16) < 0) {
        perror("greeter");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client < 0)
            continue;
        answer(client);
        close(client);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--serve") == 0)
        return serve(atoi(argv[2]));
    if (argc > 1) {
        fprintf(stderr, "usage: greeter [--serve PORT]\n");
        return 2;
    }
    puts(greeting());
    return 0;
}
