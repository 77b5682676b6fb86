<?php
// Answers with what Laravel reads from the request: with the framework itself
// when LARAVEL_AUTOLOAD names its autoloader, else by the rules of Symfony's and
// Laravel's Request in a few lines.
error_reporting(0);
require_once __DIR__ . '/show.php';

function flatten($file, $path)
{
    if (is_array($file['name'])) {
        foreach ($file['name'] as $key => $_) {
            $inner = [];
            foreach ($file as $column => $values) {
                $inner[$column] = $values[$key];
            }
            yield from flatten($inner, $path . "[$key]");
        }
        return;
    }
    $content = $file['error'] === 0 ? md5_file($file['tmp_name']) : '';
    yield [$path, $file['name'], $file['type'], $file['error'], $file['size'], $content];
}

function nativeReading(): array
{
    $type = $_SERVER['CONTENT_TYPE'] ?? $_SERVER['HTTP_CONTENT_TYPE'] ?? '';
    $real = strtoupper($_SERVER['REQUEST_METHOD']);
    $request = $_POST;
    if (str_starts_with($type, 'application/x-www-form-urlencoded') && in_array($real, ['PUT', 'DELETE', 'PATCH'])) {
        parse_str(file_get_contents('php://input'), $request);
    }
    $json = str_contains($type, '/json') || str_contains($type, '+json');
    if ($json) {
        $request = (array) json_decode(file_get_contents('php://input'), true);
    }
    $method = $real;
    if ($real === 'POST') {
        $method = strtoupper(($_SERVER['HTTP_X_HTTP_METHOD_OVERRIDE'] ?? '') ?: ($request['_method'] ?? $_GET['_method'] ?? 'POST'));
    }
    $source = !$json && in_array($real, ['GET', 'HEAD']) ? $_GET : $request;
    return [$method, explode('?', $_SERVER['REQUEST_URI'])[0], $_GET, $source + $_GET];
}

function frameworkReading(): array
{
    require_once getenv('LARAVEL_AUTOLOAD');
    $_SERVER['SCRIPT_NAME'] = '/index.php';
    $_SERVER['SCRIPT_FILENAME'] = '/srv/public/index.php';
    $r = Illuminate\Http\Request::capture();
    return [$r->getMethod(), $r->getPathInfo(), $r->query->all(), $r->input()];
}

[$method, $path, $query, $input] = getenv('LARAVEL_AUTOLOAD') ? frameworkReading() : nativeReading();
$files = [];
foreach ($_FILES as $name => $file) {
    array_push($files, ...iterator_to_array(flatten($file, (string) $name), false));
}
header('Content-Type: text/plain');
header('Connection: close');
echo json_encode([
    'method' => $method, 'path' => $path, 'query' => show($query), 'input' => show($input), 'files' => show($files),
    'authorization' => $_SERVER['HTTP_AUTHORIZATION'] ?? '',
]);
