// openapi: the description of the HTTP face (OpenAPI 3.1), made of the routes and of the schema of
// the client protocol. No sockets, no threads.
#pragma once

// The document as JSON text.
// Owns:  the caller frees it.   Fails: NULL (memory).   Thread: any.
char *openapi_text(void);
