{{- define "changeover.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Labels of a selector: (list root component) */ -}}
{{- define "changeover.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "changeover.labels" -}}
{{- $root := index . 0 -}}
{{ include "changeover.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* An image: (list root image) */ -}}
{{- define "changeover.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest | quote -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) | quote -}}
{{- end -}}
{{- end -}}

{{- /* A value as an environment variable has it: whole numbers without an exponent */ -}}
{{- define "changeover.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- int64 . | toString | quote -}}
{{- else -}}
{{- toString . | quote -}}
{{- end -}}
{{- end -}}

{{- /* Settings as environment variables: (list settings-of-both settings-of-one) */ -}}
{{- define "changeover.settings" -}}
{{- $all := deepCopy (index . 0) -}}
{{- range $name, $value := index . 1 -}}
{{- $_ := set $all $name $value -}}
{{- end -}}
{{- $lines := list -}}
{{- range $name, $value := $all -}}
{{- $lines = append $lines (printf "- { name: %s, value: %s }" $name (include "changeover.text" $value)) -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{- /* The host names by which a service may be called: (list root component ingress) */ -}}
{{- define "changeover.hosts" -}}
{{- $root := index . 0 -}}{{- $ingress := index . 2 -}}
{{- $name := printf "%s-%s" (include "changeover.fullname" $root) (index . 1) -}}
{{- $space := printf "%s.%s" $name $root.Release.Namespace -}}
{{- $names := list "$(POD_IP)" $name $space (printf "%s.svc" $space) (printf "%s.svc.cluster.local" $space) -}}
{{- if $ingress.enabled -}}{{- $names = append $names $ingress.host -}}{{- end -}}
{{- concat $names $root.Values.allowedHosts | join "," -}}
{{- end -}}

{{- /* The security of a pod, by the user id of its image */ -}}
{{- define "changeover.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "changeover.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* What the pods of all components have: (list root part) */ -}}
{{- define "changeover.pod" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The three probes of a service, by the seconds that its start may take */ -}}
{{- define "changeover.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: {{ int64 . }}
livenessProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{- define "changeover.secretName" -}}
{{- default (printf "%s-secrets" (include "changeover.fullname" .)) .Values.secrets.existingSecret -}}
{{- end -}}

{{- /* A source of a projected volume: (list secret-name key...) */ -}}
{{- define "changeover.secretSource" -}}
- secret:
    name: {{ first . }}
    items:
      {{- range rest . }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
{{- end -}}
