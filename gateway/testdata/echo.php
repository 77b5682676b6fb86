<?php
// Tells as JSON what PHP makes of a request, and what Laravel makes of that: the
// method after an override, and the input by the rule of the content type.
error_reporting(0);
$type = $_SERVER['CONTENT_TYPE'] ?? '';
$raw = file_get_contents('php://input');
$method = strtoupper($_SERVER['REQUEST_METHOD']);

$body = $_POST;
if (str_starts_with($type, 'application/x-www-form-urlencoded') && in_array($method, ['PUT', 'PATCH', 'DELETE'])) {
    parse_str($raw, $body);
}
$json = str_contains($type, '/json') || str_contains($type, '+json');
if ($json) {
    $body = (array) json_decode($raw, true);
}
if ($method === 'POST') {
    $override = $_SERVER['HTTP_X_HTTP_METHOD_OVERRIDE'] ?? $body['_method'] ?? $_GET['_method'] ?? '';
    $method = strtoupper($override ?: $method);
}
$headers = array_filter($_SERVER, fn ($name) => str_starts_with($name, 'HTTP_'), ARRAY_FILTER_USE_KEY);
ksort($headers);

header('Content-Type: application/json');
echo json_encode([
    'method' => $method,
    'path' => explode('?', $_SERVER['REQUEST_URI'], 2)[0],
    'input' => (object) ($body + $_GET),
    'headers' => (object) $headers,
    'raw' => base64_encode($raw),
], JSON_PRESERVE_ZERO_FRACTION);
