{{/* The name of everything: the release's, or nameOverride. */}}
{{- define "gateway.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods. These labels never change. */}}
{{- define "gateway.selector" -}}
app.kubernetes.io/name: faveo-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "gateway.image" -}}
{{- $repository := required "image.repository: where the image was pushed to" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "gateway.secretName" -}}
{{- default (include "gateway.name" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{/* The keys of the secrets that there are, as a JSON object for fromJson. */}}
{{- define "gateway.secretKeys" -}}
{{- if .Values.secrets.existingSecret -}}
{{- if .Values.secrets.values -}}
{{- fail "secrets: either existingSecret or values" -}}
{{- end -}}
{{- dict "keys" (.Values.secrets.keys | sortAlpha) | toJson -}}
{{- else -}}
{{- dict "keys" (keys .Values.secrets.values | sortAlpha) | toJson -}}
{{- end -}}
{{- end -}}

{{/* The gateway's config.yaml: that of the values, and what the chart knows. */}}
{{- define "gateway.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $server := default dict $config.server -}}
{{- $admin := default dict $config.admin -}}
{{- if hasKey $server "shutdown_grace" -}}
{{- fail "config.server.shutdown_grace: give shutdownGraceSeconds, so that Kubernetes waits as long" -}}
{{- end -}}
{{- if or (hasKey $server "listen") (hasKey $admin "listen") -}}
{{- fail "config.server.listen, config.admin.listen: the chart has them (8080, admin.port)" -}}
{{- end -}}
{{- $_ := set $server "listen" ":8080" -}}
{{- $_ := set $server "shutdown_grace" (printf "%ds" (int .Values.shutdownGraceSeconds)) -}}
{{- $_ := set $config "server" $server -}}
{{- $_ := set $admin "listen" (printf ":%d" (int .Values.admin.port)) -}}
{{- $service := printf "%s-admin" (include "gateway.name" .) -}}
{{- $inside := printf "%s.%s" $service .Release.Namespace -}}
{{- $_ := set $admin "hosts" (concat (default list $admin.hosts) (list $service $inside (printf "%s.svc" $inside) (printf "%s.svc.cluster.local" $inside))) -}}
{{- $_ := set $config "admin" $admin -}}
{{- range (include "gateway.secretKeys" . | fromJson).keys -}}
{{- $path := splitList "." . -}}
{{- $section := $config -}}
{{- range initial $path -}}
{{- if not (get $section .) -}}
{{- $_ := set $section . dict -}}
{{- end -}}
{{- $section = get $section . -}}
{{- end -}}
{{- if or (hasKey $section (last $path)) (hasKey $section (printf "%s_file" (last $path))) -}}
{{- fail (printf "config.%s: it is among the secrets too" .) -}}
{{- end -}}
{{- $_ := set $section (printf "%s_file" (last $path)) (printf "/etc/faveo-gateway/secrets/%s" .) -}}
{{- end -}}
{{- if .Values.policies -}}
{{- $policy := default dict $config.policy -}}
{{- $files := default list $policy.files -}}
{{- range (keys .Values.policies | sortAlpha) -}}
{{- $files = append $files (printf "/etc/faveo-gateway/policies/%s" .) -}}
{{- end -}}
{{- $_ := set $policy "files" $files -}}
{{- $_ := set $config "policy" $policy -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* HTTPS where the admin listener has a certificate, HTTP without. */}}
{{- define "gateway.adminScheme" -}}
{{- if dig "admin" "tls" "cert_file" "" .Values.config -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}

{{/* One probe of the admin listener: a list of the root and the probe's values. */}}
{{- define "gateway.probe" -}}
{{- $probe := last . -}}
httpGet:
  path: {{ $probe.path }}
  port: admin
  scheme: {{ include "gateway.adminScheme" (first .) }}
periodSeconds: {{ $probe.periodSeconds }}
timeoutSeconds: {{ $probe.timeoutSeconds }}
failureThreshold: {{ $probe.failureThreshold }}
{{- end -}}
