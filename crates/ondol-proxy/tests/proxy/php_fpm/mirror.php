<?php
// Says all that a script is told, in an order of its own.
header('Content-Type: application/json');
header('X-One: 1');
setcookie('a', 'b');
setcookie('c', 'd');
if (isset($_GET['status'])) {
    http_response_code((int) $_GET['status']);
}
if (isset($_GET['to'])) {
    header('Location: ' . $_GET['to']);
}
$known = [
    'REQUEST_METHOD', 'REQUEST_URI', 'QUERY_STRING', 'SCRIPT_NAME', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT',
    'DOCUMENT_URI', 'PATH_INFO', 'PHP_SELF', 'CONTENT_TYPE', 'CONTENT_LENGTH', 'SERVER_PROTOCOL',
    'GATEWAY_INTERFACE', 'REDIRECT_STATUS', 'REQUEST_SCHEME', 'PHP_AUTH_USER', 'PHP_AUTH_PW', 'HTTPS',
];
$server = [];
foreach ($_SERVER as $name => $value) {
    if (in_array($name, $known) || str_starts_with($name, 'HTTP_')) {
        $server[$name] = $value;
    }
}
ksort($server);
$files = [];
foreach ($_FILES as $name => $file) {
    $files[$name] = [$file['name'], $file['size'], $file['error'], md5_file($file['tmp_name'] ?: '/dev/null')];
}
$input = file_get_contents('php://input');
echo json_encode([
    'server' => $server, 'get' => $_GET, 'post' => $_POST, 'cookie' => $_COOKIE, 'files' => $files,
    'input' => [strlen($input), md5($input)],
], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR);
